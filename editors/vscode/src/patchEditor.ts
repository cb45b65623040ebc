/** The patch in VS Code's diff editor, and the user's decisions carried into the files. */
import { chmod } from "node:fs/promises";
import * as vscode from "vscode";
import { put, textOf } from "./buffers.js";
import type { Decision } from "./hunks.js";
import type { Memory } from "./memory.js";
import type { Review, ReviewFile } from "./review.js";

const BEFORE = "kimi-before";
const AFTER = "kimi-after";

export class PatchEditor implements vscode.TextDocumentContentProvider, vscode.CodeLensProvider, vscode.Disposable {
  private review: Review | undefined;
  private folder: vscode.Uri | undefined;
  private deciding: Promise<unknown> = Promise.resolve();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly lenses = new vscode.EventEmitter<void>();
  private readonly decided = new vscode.EventEmitter<void>();
  private readonly parts: readonly { dispose(): unknown }[];
  readonly onDidChange = this.changed.event;
  readonly onDidChangeCodeLenses = this.lenses.event;
  readonly onDidDecide = this.decided.event;

  constructor(
    private readonly memory: Memory,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.parts = [
      vscode.workspace.registerTextDocumentContentProvider(BEFORE, this),
      vscode.workspace.registerTextDocumentContentProvider(AFTER, this),
      vscode.languages.registerCodeLensProvider({ scheme: AFTER }, this),
      this.changed, this.lenses, this.decided,
    ];
  }

  dispose(): void {
    for (const part of this.parts) part.dispose();
  }

  /** Put a review before the user, or none. */
  async show(review: Review | undefined, folder: vscode.Uri | undefined): Promise<void> {
    if (this.review !== review) await this.closeEditors();
    this.review = review;
    this.folder = folder;
    this.refresh();
  }

  get current(): Review | undefined {
    return this.review;
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    const file = this.fileOf(uri);
    if (!file) return "";
    return uri.scheme === BEFORE ? file.accepted : file.proposed;
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const file = this.fileOf(document.uri);
    if (!file) return [];
    return file.open().flatMap((hunk) => {
      const line = Math.min(file.line(hunk), Math.max(0, document.lineCount - 1));
      const range = new vscode.Range(line, 0, line, 0);
      const lens = (title: string, command: string) => new vscode.CodeLens(range, { title, command, arguments: [file.path, hunk] });
      return [lens("$(check) Accept", "kimi.acceptHunk"), lens("$(discard) Reject", "kimi.rejectHunk")];
    });
  }

  /** Open a file's change in the diff editor; the first that waits, when none is named. */
  async open(path?: string, quietly = false): Promise<void> {
    const waiting = this.review?.waiting ?? [];
    const first = waiting.find((one) => one.shown) ?? waiting[0] ?? this.review?.files[0];
    const file = path === undefined ? first : this.review?.file(path);
    if (!file || !this.review) return;
    if (!file.shown) {
      if (!quietly) void vscode.window.showInformationMessage(file.told.bytes ? `${file.path} is no text: accept or reject it as a whole.` : `${file.path} is too large to be shown. ${this.byHand()}`);
      return;
    }
    const title = `${file.path} (Kimi: ${file.told.status})`;
    await vscode.commands.executeCommand("vscode.diff", this.uri(BEFORE, file), this.uri(AFTER, file), title, { preview: false, preserveFocus: quietly });
  }

  /** The file that the active diff editor shows. */
  active(): string | undefined {
    const uri = vscode.window.activeTextEditor?.document.uri;
    return uri ? this.fileOf(uri)?.path : undefined;
  }

  async decideAll(decision: "accepted" | "rejected"): Promise<void> {
    for (const file of this.review?.waiting ?? []) if (!(await this.decide(file.path, undefined, decision))) return;
  }

  /**
   * Decide a hunk, or everything that waits in a file; `pending` takes decisions back. Returns whether it could be done.
   * One after the other: two hunks of one file must not be carried into the same text.
   */
  decide(path: string, hunk: number | undefined, decision: Decision): Promise<boolean> {
    const turn = this.deciding.then(() => this.decideNow(path, hunk, decision));
    this.deciding = turn.catch(() => false);
    return turn;
  }

  private async decideNow(path: string, hunk: number | undefined, decision: Decision): Promise<boolean> {
    const file = this.review?.file(path);
    if (!file || !this.review || !this.folder) return false;
    const hunks = decision === "pending" ? file.decided(hunk) : file.open(hunk);
    if (file.hunks.length > 0 ? hunks.length === 0 : file.decision === decision) return true;
    const was = file.decision;
    const { inPlace } = this.review.told;
    if (file.changes(hunks, decision, inPlace) && !(await this.carry(file, hunks, decision, inPlace))) return false;
    await this.keep(this.review, file, file.keptWith(hunks, decision));
    file.decide(hunks, decision);
    this.refresh(file);
    this.decided.fire();
    if (was === "pending" && file.decision !== "pending") await this.onward(file);
    return true;
  }

  /** What is shown as decided is on the disk before. */
  private async keep({ told, kept }: Review, { path }: ReviewFile, decisions: readonly Decision[]): Promise<void> {
    await this.memory.decide(told.run, { ...kept, [path]: decisions }).catch((error: unknown) => {
      this.log.warn(String(error));
      void vscode.window.showWarningMessage(`The decision about ${path} holds until this window is closed: it could not be kept (${error instanceof Error ? error.message : String(error)}).`);
    });
  }

  /** Bring decisions into the user's file. */
  private async carry(file: ReviewFile, hunks: readonly number[], decision: Decision, inPlace: boolean): Promise<boolean> {
    const target = vscode.Uri.joinPath(this.folder ?? vscode.Uri.file("/"), file.path);
    if (!file.shown && !file.told.bytes) {
      void vscode.window.showWarningMessage(`${file.path} is too large to be changed from here. ${this.byHand()}`);
      return false;
    }
    const written = file.told.bytes ? this.writeBytes(file, target, decision, inPlace) : this.writeText(file, target, hunks, decision, inPlace);
    const done = await written.catch((error: unknown) => {
      this.log.warn(String(error));
      void vscode.window.showErrorMessage(`${file.path} could not be changed: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    });
    const { mode } = file.told;
    if (done && decision === "accepted" && mode !== null && target.scheme === "file") await chmod(target.fsPath, mode).catch((error: unknown) => this.log.warn(String(error)));
    return done;
  }

  private async writeText(file: ReviewFile, target: vscode.Uri, hunks: readonly number[], decision: Decision, inPlace: boolean): Promise<boolean> {
    const current = await textOf(target);
    const text = file.after(current ?? "", hunks, decision, inPlace);
    if (text === undefined || (current === undefined && file.told.status === "modified")) {
      this.conflict(file, target, current !== undefined);
      return false;
    }
    if (text !== "" || file.exists(hunks, decision, inPlace)) await put(target, text);
    else if (current !== undefined) await vscode.workspace.fs.delete(target);
    return true;
  }

  /** A file that is no text: as a whole, and only where it is as the run found it. */
  private async writeBytes(file: ReviewFile, target: vscode.Uri, decision: Decision, inPlace: boolean): Promise<boolean> {
    const now = file.bytes(file.decision, inPlace) ?? null;
    const then = file.bytes(decision, inPlace) ?? null;
    const there = await vscode.workspace.fs.readFile(target).then((data) => Buffer.from(data), () => null);
    if (then === null ? there === null : there?.equals(then)) return true;
    if (now === null ? there !== null : !there?.equals(now)) {
      this.conflict(file, target, false);
      return false;
    }
    if (then === null) await vscode.workspace.fs.delete(target);
    else await vscode.workspace.fs.writeFile(target, then);
    return true;
  }

  private conflict(file: ReviewFile, target: vscode.Uri, there: boolean): void {
    const compare = there ? ["Compare"] : [];
    const what = there || file.told.bytes ? "has changed since the run began, and this change no longer fits" : "is not there any more";
    void vscode.window.showWarningMessage(`${file.path} ${what}; nothing was changed.`, ...compare).then((answer) => {
      if (answer) void vscode.commands.executeCommand("vscode.diff", target, this.uri(AFTER, file), `${file.path} (yours ↔ Kimi's)`, { preview: false });
    });
  }

  /** A file is done: its diff is closed and the next one shown. */
  private async onward(file: ReviewFile): Promise<void> {
    const was = tabs().filter((tab) => diffOf(tab)?.path === this.uri(AFTER, file).path);
    const active = was.some((tab) => tab.isActive);
    await vscode.window.tabGroups.close(was);
    if (active && this.review?.waiting.some((one) => one.shown)) await this.open();
  }

  private async closeEditors(): Promise<void> {
    await vscode.window.tabGroups.close(tabs().filter((tab) => diffOf(tab) !== undefined));
  }

  private refresh(only?: ReviewFile): void {
    for (const file of only ? [only] : (this.review?.files ?? [])) {
      this.changed.fire(this.uri(BEFORE, file));
      this.changed.fire(this.uri(AFTER, file));
    }
    this.lenses.fire();
    void vscode.commands.executeCommand("setContext", "kimi.reviewing", (this.review?.waiting.length ?? 0) > 0);
  }

  private uri(scheme: string, file: ReviewFile): vscode.Uri {
    return vscode.Uri.from({ scheme, path: `/${file.path}`, query: this.review?.told.run ?? "" });
  }

  private fileOf(uri: vscode.Uri): ReviewFile | undefined {
    const ours = uri.scheme === BEFORE || uri.scheme === AFTER;
    return ours && uri.query === this.review?.told.run ? this.review.file(uri.path.slice(1)) : undefined;
  }

  private byHand(): string {
    return `The whole patch can be brought in with: kimi-mcp call resolve_apply run=${this.review?.told.run ?? ""}`;
  }
}

function tabs(): vscode.Tab[] {
  return vscode.window.tabGroups.all.flatMap((group) => group.tabs);
}

function diffOf(tab: vscode.Tab): vscode.Uri | undefined {
  const input = tab.input;
  return input instanceof vscode.TabInputTextDiff && input.modified.scheme === AFTER ? input.modified : undefined;
}
