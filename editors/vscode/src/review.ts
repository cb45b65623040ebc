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

  decide(hunks: readonly number[], decision: "accepted" | "rejected"): void {
    for (const hunk of hunks) this.decisions[hunk] = decision;
    if (this.hunks.length === 0) this.whole = decision;
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
   * The user's file once these hunks are decided: undefined where it has changed so that they do not fit.
   * `inPlace`: the run made its changes in the user's file, so that it is the rejected ones that change it.
   */
  after(current: string, hunks: readonly number[], decision: "accepted" | "rejected", inPlace: boolean): string | undefined {
    const now = inPlace ? this.proposed : this.accepted;
    const there = (index: number) => (inPlace ? this.of(index) !== "rejected" : this.of(index) === "accepted");
    const then = this.with((index) => (hunks.includes(index) ? decision === "accepted" : there(index)));
    return carry(current, now, then);
  }

  /** Whether the file is to exist, once everything waiting has been decided so. */
  exists(decision: "accepted" | "rejected"): boolean {
    const accepted = this.decision === "pending" ? decision === "accepted" : this.decision === "accepted";
    return (accepted ? this.told.after : this.told.before) !== null;
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

  file(path: string): ReviewFile | undefined {
    return this.files.find((file) => file.path === path);
  }

  shown(): ShownFile[] {
    return this.files.map((file) => ({
      path: file.path,
      status: file.told.status,
      decision: file.decision,
      shown: file.shown,
      hunks: file.hunks.map((hunk, index) => ({
        line: file.line(index) + 1,
        removed: hunk.oldLines.map(ended),
        added: hunk.newLines.map(ended),
        decision: file.of(index),
      })),
    }));
  }
}

function ended(line: string): string {
  return line.replace(/\r?\n$/, "");
}
