/** The patch of a run under review: what of it is accepted, file by file and hunk by hunk. Knows no editor. */
import { type Decision, type Hunk, carry, compose, hunksOf, lineOf } from "./hunks.js";
import type { ShownFile } from "./protocol.js";
import type { Told, ToldFile } from "./told.js";

export class ReviewFile {
  readonly hunks: readonly Hunk[];
  /** Whether the texts are there; otherwise it can only be brought in by the program. */
  readonly shown: boolean;
  private readonly decisions: Decision[];
  private whole: Decision = "pending";

  constructor(readonly told: ToldFile) {
    this.shown = told.before !== undefined && told.after !== undefined;
    this.hunks = this.shown ? hunksOf(told.before ?? "", told.after ?? "") : [];
    this.decisions = this.hunks.map(() => "pending");
  }

  get path(): string {
    return this.told.path;
  }

  /** Pending while anything is; else accepted where anything is. */
  get decision(): Decision {
    if (this.hunks.length === 0) return this.whole;
    if (this.decisions.includes("pending")) return "pending";
    return this.decisions.includes("accepted") ? "accepted" : "rejected";
  }

  of(hunk: number): Decision {
    return this.decisions[hunk] ?? "pending";
  }

  /** The hunks that wait for a decision; all, when `hunk` names none. */
  open(hunk?: number): number[] {
    return this.decisions.flatMap((one, index) => (one === "pending" && (hunk === undefined || hunk === index) ? [index] : []));
  }

  /** The hunks that are decided; all, when `hunk` names none. */
  decided(hunk?: number): number[] {
    return this.decisions.flatMap((one, index) => (one !== "pending" && (hunk === undefined || hunk === index) ? [index] : []));
  }

  decide(hunks: readonly number[], decision: Decision): void {
    for (const hunk of hunks) this.decisions[hunk] = decision;
    if (this.hunks.length === 0) this.whole = decision;
  }

  /** What was decided, to be kept and restored. */
  get kept(): readonly Decision[] {
    return this.hunks.length === 0 ? [this.whole] : [...this.decisions];
  }

  /** What will be kept, once these hunks are decided so. */
  keptWith(hunks: readonly number[], decision: Decision): readonly Decision[] {
    return this.hunks.length === 0 ? [decision] : this.decisions.map((one, index) => (hunks.includes(index) ? decision : one));
  }

  restore(kept: readonly Decision[]): void {
    if (this.hunks.length === 0) this.whole = kept[0] ?? "pending";
    else if (kept.length === this.hunks.length) kept.forEach((decision, index) => (this.decisions[index] = decision));
  }

  /** The file with what is accepted. */
  get accepted(): string {
    return this.with((index) => this.of(index) === "accepted");
  }

  /** The file with what is accepted and what waits. */
  get proposed(): string {
    return this.with((index) => this.of(index) !== "rejected");
  }

  /** Where a waiting hunk begins in `proposed`, from 0. */
  line(hunk: number): number {
    return lineOf(this.hunks, hunk, (index) => this.of(index) !== "rejected");
  }

  /**
   * The user's file once these hunks are decided so: undefined where it has changed so that they do not fit.
   * `inPlace`: the run made its changes in the user's file; what waits is there already.
   */
  after(current: string, hunks: readonly number[], decision: Decision, inPlace: boolean): string | undefined {
    const now = this.with((index) => isThere(this.of(index), inPlace));
    const then = this.with((index) => isThere(hunks.includes(index) ? decision : this.of(index), inPlace));
    return carry(current, now, then);
  }

  /** Whether deciding these hunks so changes the user's file. */
  changes(hunks: readonly number[], decision: Decision, inPlace: boolean): boolean {
    const now = this.hunks.length === 0 ? [this.whole] : hunks.map((hunk) => this.of(hunk));
    return now.some((one) => isThere(one, inPlace) !== isThere(decision, inPlace));
  }

  /** Whether the file is to exist, once these hunks are decided so: a part of a change leaves a file. */
  exists(hunks: readonly number[], decision: Decision, inPlace: boolean): boolean {
    const then = this.keptWith(hunks, decision);
    const [before, after] = [this.side(0), this.side(1)];
    return then.every((one) => isThere(one, inPlace)) ? after : then.some((one) => isThere(one, inPlace)) || before;
  }

  /** The bytes of a file that is no text, with the change or without it; null for no file. */
  bytes(decision: Decision, inPlace: boolean): Buffer | null | undefined {
    const found = this.told.bytes?.[isThere(decision, inPlace) ? 1 : 0];
    return found == null ? found : Buffer.from(found, "base64");
  }

  private side(which: 0 | 1): boolean {
    const text = which ? this.told.after : this.told.before;
    return (text === undefined ? this.told.bytes?.[which] : text) !== null;
  }

  private with(taken: (index: number) => boolean): string {
    return compose(this.told.before ?? "", this.hunks, taken);
  }
}

export class Review {
  readonly files: readonly ReviewFile[];

  constructor(readonly told: Told) {
    this.files = told.files.map((file) => new ReviewFile(file));
  }

  get waiting(): readonly ReviewFile[] {
    return this.files.filter((file) => file.decision === "pending");
  }

  /** What was decided, by path. */
  get kept(): Record<string, readonly Decision[]> {
    return Object.fromEntries(this.files.map((file) => [file.path, file.kept]));
  }

  restore(kept: Readonly<Record<string, readonly Decision[]>>): void {
    for (const file of this.files) file.restore(kept[file.path] ?? []);
  }

  file(path: string): ReviewFile | undefined {
    return this.files.find((file) => file.path === path);
  }

  shown(): ShownFile[] {
    return this.files.map((file) => ({
      path: file.path,
      status: file.told.status,
      decision: file.decision,
      shown: file.shown,
      binary: file.told.bytes !== undefined,
      hunks: file.hunks.map((hunk, index) => ({
        line: file.line(index) + 1,
        removed: hunk.oldLines.map(ended),
        added: hunk.newLines.map(ended),
        decision: file.of(index),
      })),
    }));
  }
}

/** Whether a change is in the user's file: what waits is there only where the run worked in it. */
function isThere(decision: Decision, inPlace: boolean): boolean {
  return decision === "accepted" || (inPlace && decision === "pending");
}

function ended(line: string): string {
  return line.replace(/\r?\n$/, "");
}
