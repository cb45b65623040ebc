/** Our tools for VS Code's own agent, and for every other that uses its MCP servers. */
import * as vscode from "vscode";
import { serve } from "./arguments.js";
import { folders, settings } from "./settings.js";

export function registerTools(version: string): vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  const provider: vscode.McpServerDefinitionProvider<vscode.McpStdioServerDefinition> = {
    onDidChangeMcpServerDefinitions: changed.event,
    provideMcpServerDefinitions: () => {
      const all = folders();
      return all.map((folder) => {
        const { program, args } = serve(settings(folder.uri), folder.uri.fsPath);
        const label = all.length === 1 ? "Kimi" : `Kimi: ${folder.name}`;
        const server = new vscode.McpStdioServerDefinition(label, program, [...args], {}, version);
        server.cwd = folder.uri;
        return server;
      });
    },
  };
  return vscode.Disposable.from(
    changed,
    vscode.lm.registerMcpServerDefinitionProvider("kimi", provider),
    vscode.workspace.onDidChangeWorkspaceFolders(() => changed.fire()),
    vscode.workspace.onDidChangeConfiguration((event) => event.affectsConfiguration("kimi") && changed.fire()),
  );
}
