/** VS Code's settings, read when they are needed. */
import * as vscode from "vscode";
import type { Settings } from "./arguments.js";

export function settings(folder?: vscode.Uri): Settings {
  const all = vscode.workspace.getConfiguration("kimi", folder);
  return {
    command: all.get<string[]>("command", ["kimi-mcp"]),
    model: all.get("model", ""),
    baseUrl: all.get("baseUrl", ""),
    mode: all.get("mode", "thinking"),
    maxCost: all.get("maxCost", 2),
    maxMinutes: all.get("maxMinutes", 60),
    place: all.get<"copy" | "tree">("place", "copy"),
    toolsets: all.get("toolsets", ""),
  };
}

/** The workspace's folders that are on a disk: the program works in no other. */
export function folders(): readonly vscode.WorkspaceFolder[] {
  return (vscode.workspace.workspaceFolders ?? []).filter((one) => one.uri.scheme === "file");
}

/** The folder to work in: that of the file in front, or the only one, or the one that the user picks. */
export async function chosenFolder(of?: vscode.Uri): Promise<vscode.WorkspaceFolder | undefined> {
  const uri = of ?? vscode.window.activeTextEditor?.document.uri;
  const own = uri ? vscode.workspace.getWorkspaceFolder(uri) : undefined;
  const all = folders();
  if (own && all.includes(own)) return own;
  if (all.length <= 1) return all[0];
  const picked = await vscode.window.showWorkspaceFolderPick({ placeHolder: "Where is it to be fixed?" });
  return picked && all.includes(picked) ? picked : undefined;
}
