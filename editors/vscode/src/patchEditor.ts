/** The patch in VS Code's diff editor, and the user's decisions carried into the files. */
import { chmod } from "node:fs/promises";
import * as vscode from "vscode";
import type { Review, ReviewFile } from "./review.js";

const BEFORE = "kimi-before";
const AFTER = "kimi-after";

export class PatchEditor implements vscode.TextDocumentContentProvider, vscode.CodeLensProvider, vscode.Disposable {
  private review: Review | undefined;
  private folder: vscode.Uri | undefined;
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly lenses = new vscode.EventEmitter<void>();
  private readonly decided = new vscode.EventEmitter<void>();
  private readonly parts: readonly { dispose(): unknown }[];
  readonly onDidChange = this.changed.event;
  readonly onDidChangeCodeLenses = this.lenses.event;
  readonly onDidDecide = this.decided.event;

  constructor(private readonly log: vscode.LogOutputChannel) {
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
  async open(path?: string): Promise<void> {
    const file = path === undefined ? (this.review?.waiting[0] ?? this.review?.files[0]) : this.review?.file(path);
    if (!file || !this.review) return;
    if (!file.shown) {
      void vscode.window.showWarningMessage(`${file.path} is no text, or too large to be shown. ${this.byHand()}`);
      return;
    }
    const title = `${file.path} (Kimi: ${file.told.status})`;
    await vscode.commands.executeCommand("vscode.diff", this.uri(BEFORE, file), this.uri(AFTER, file), title, { preview: false });
  }

  /** The file that the active diff editor shows. */
  active(): string | undefined {
    const uri = vscode.window.activeTextEditor?.document.uri;
    return uri ? this.fileOf(uri)?.path : undefined;
  }

  async decideAll(accept: boolean): Promise<void> {
    for (const file of this.review?.waiting ?? []) if (!(await this.decide(file.path, undefined, accept))) return;
  }

  /** Decide a hunk, or everything that waits in a file. Returns whether it could be done. */
  async decide(path: string, hunk: number | undefined, accept: boolean): Promise<boolean> {
    const file = this.review?.file(path);
    if (!file || !this.review || !this.folder) return false;
    const decision = accept ? "accepted" : "rejected";
    const hunks = file.open(hunk);
    if (file.decision !== "pending" || (file.hunks.length > 0 && hunks.length === 0)) return true;
    const { inPlace } = this.review.told;
    if (accept !== inPlace && !file.shown) {
      void vscode.window.showWarningMessage(`${file.path} is no text, or too large to be changed from here. ${this.byHand()}`);
      return false;
    }
    if (accept !== inPlace && !(await this.write(file, hunks, decision, inPlace))) return false;
    file.decide(hunks, decision);
    this.refresh(file);
    this.decided.fire();
    if (!this.review.waiting.includes(file)) await this.onward(file);
    return true;
  }

  private async write(file: ReviewFile, hunks: readonly number[], decision: "accepted" | "rejected", inPlace: boolean): Promise<boolean> {
    const target = vscode.Uri.joinPath(this.folder ?? vscode.Uri.file("/"), file.path);
    const document = await opened(target);
    const text = file.after(document?.getText() ?? "", hunks, decision, inPlace);
    if (text === undefined) {
      void vscode.window.showWarningMessage(`${file.path} has changed since the run began, and this change no longer fits. ${this.byHand()}`);
      return false;
    }
    const rest = file.open().length === hunks.length;
    const edit = new vscode.WorkspaceEdit();
    if (rest && text === "" && !file.exists(decision)) {
      edit.deleteFile(target, { ignoreIfNotExists: true });
    } else if (document) {
      edit.replace(target, new vscode.Range(document.positionAt(0), document.positionAt(document.getText().length)), text);
    } else {
      edit.createFile(target, { contents: new TextEncoder().encode(text) });
    }
    if (!(await vscode.workspace.applyEdit(edit))) {
      void vscode.window.showErrorMessage(`VS Code could not change ${file.path}.`);
      return false;
    }
    if (document && !document.isClosed && !(await document.save()) && document.isDirty) {
      void vscode.window.showErrorMessage(`${file.path} was changed, but could not be saved.`);
    }
    if (decision === "accepted" && file.told.mode !== null && target.scheme === "file") {
      await chmod(target.fsPath, file.told.mode).catch((error: unknown) => this.log.warn(String(error)));
    }
    return true;
  }

  /** A file is done: its diff is closed and the next one shown. */
  private async onward(file: ReviewFile): Promise<void> {
    const was = tabs().filter((tab) => diffOf(tab)?.path === this.uri(AFTER, file).path);
    const active = was.some((tab) => tab.isActive);
    await vscode.window.tabGroups.close(was);
    if (active && this.review?.waiting.length) await this.open();
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

async function opened(uri: vscode.Uri): Promise<vscode.TextDocument | undefined> {
  try {
    await vscode.workspace.fs.stat(uri);
  } catch {
    return undefined;
  }
  return vscode.workspace.openTextDocument(uri);
}

function tabs(): vscode.Tab[] {
  return vscode.window.tabGroups.all.flatMap((group) => group.tabs);
}

function diffOf(tab: vscode.Tab): vscode.Uri | undefined {
  const input = tab.input;
  return input instanceof vscode.TabInputTextDiff && input.modified.scheme === AFTER ? input.modified : undefined;
}
