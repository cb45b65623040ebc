/** The user's files as the user sees them, for the agent: unsaved changes included. */
import * as vscode from "vscode";

/** The text of a file in the workspace. Throws where there is none. */
export async function read(path: string): Promise<string> {
  const uri = inside(path);
  const open = vscode.workspace.textDocuments.find((one) => one.uri.toString() === uri.toString());
  return (open ?? (await vscode.workspace.openTextDocument(uri))).getText();
}

/** Give a file of the workspace a text, and save it; an open editor shows it, and its undo takes it back. */
export async function write(path: string, text: string): Promise<void> {
  const uri = inside(path);
  const edit = new vscode.WorkspaceEdit();
  const document = await vscode.workspace.openTextDocument(uri).then(undefined, () => undefined);
  if (document) edit.replace(uri, new vscode.Range(0, 0, document.lineCount, 0), text);
  else edit.createFile(uri, { contents: new TextEncoder().encode(text) });
  if (!(await vscode.workspace.applyEdit(edit))) throw new Error(`VS Code could not change ${path}.`);
  if (document?.isDirty && !(await document.save())) throw new Error(`VS Code could not save ${path}.`);
}

/**
 * The paths of files with unsaved changes below a folder, for a run that begins. One that works in the user's own
 * files finds them saved, so that its patch is its own; a private copy is given the texts as they are.
 */
export async function unsaved(folder: vscode.WorkspaceFolder, place: "copy" | "tree"): Promise<string[]> {
  const dirty = vscode.workspace.textDocuments.filter((one) => one.isDirty && one.uri.scheme === "file" && vscode.workspace.getWorkspaceFolder(one.uri) === folder);
  if (place === "tree") await Promise.all(dirty.map((one) => one.save()));
  return dirty.filter((one) => one.isDirty).map((one) => one.uri.fsPath);
}

function inside(path: string): vscode.Uri {
  const uri = vscode.Uri.file(path);
  if (!vscode.workspace.getWorkspaceFolder(uri)) throw new Error(`${path} is not in this workspace.`);
  return uri;
}
