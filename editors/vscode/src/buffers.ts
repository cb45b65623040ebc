/**
 * The user's files as the user sees them: what is typed and not saved, else what is on the disk. An open document can
 * be behind the disk for a moment, when another program has just written; so a saved one's text is never taken from it.
 */
import * as vscode from "vscode";
import { within } from "./limits.js";

/** VS Code asks the user about a file that has changed on the disk too, and `save` waits for the answer. */
const SAVE_MS = 5_000;

/** A file's text; undefined where there is none. */
export async function textOf(uri: vscode.Uri): Promise<string | undefined> {
  const data = await vscode.workspace.fs.readFile(uri).then(undefined, () => undefined);
  if (data === undefined) return undefined;
  const document = await vscode.workspace.openTextDocument(uri);
  if (document.isDirty) return document.getText();
  return (await vscode.workspace.decode(data, { encoding: document.encoding })).replace(/^\uFEFF/, "");
}

/** Give a file a text: on the disk, or where it has unsaved changes in its editor. Its encoding is kept. */
export async function put(uri: vscode.Uri, text: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri).then(undefined, () => undefined);
  if (!document?.isDirty) {
    const data = await vscode.workspace.encode(text, { encoding: document?.encoding ?? "utf8" });
    return vscode.workspace.fs.writeFile(uri, data);
  }
  const edit = new vscode.WorkspaceEdit();
  edit.replace(uri, new vscode.Range(0, 0, document.lineCount, 0), text);
  if (!(await vscode.workspace.applyEdit(edit))) throw new Error(`VS Code could not change ${vscode.workspace.asRelativePath(uri)}.`);
}

/** The text of a file of the workspace, for the agent. Throws where there is none. */
export async function read(path: string): Promise<string> {
  const text = await textOf(inside(path));
  if (text === undefined) throw new Error(`${path} is not there.`);
  return text;
}

/** Give a file of the workspace a text, for the agent, and save it; an open editor shows it. */
export async function write(path: string, text: string): Promise<void> {
  const uri = inside(path);
  await put(uri, text);
  const document = vscode.workspace.textDocuments.find((one) => one.uri.toString() === uri.toString());
  if (document?.isDirty) await save(document);
}

/**
 * The paths of files with unsaved changes below a folder, for a run that begins. One that works in the user's own
 * files finds them saved, so that its patch is its own; a private copy is given the texts as they are. Throws where
 * one cannot be saved.
 */
export async function unsaved(folder: vscode.WorkspaceFolder, place: "copy" | "tree"): Promise<string[]> {
  const dirty = vscode.workspace.textDocuments.filter((one) => one.isDirty && one.uri.scheme === "file" && vscode.workspace.getWorkspaceFolder(one.uri) === folder);
  if (place === "tree") await Promise.all(dirty.map(save));
  return dirty.filter((one) => one.isDirty).map((one) => one.uri.fsPath);
}

/** Save what is not saved, but do not wait for long. */
async function save(document: vscode.TextDocument): Promise<void> {
  const failed = new Error(`VS Code could not save ${vscode.workspace.asRelativePath(document.uri)}: it may have changed on the disk too. Save it yourself, then try again.`);
  if (!(await within(SAVE_MS, Promise.resolve(document.save()), () => failed))) throw failed;
}

function inside(path: string): vscode.Uri {
  const uri = vscode.Uri.file(path);
  if (!vscode.workspace.getWorkspaceFolder(uri)) throw new Error(`${path} is not in this workspace.`);
  return uri;
}
