/** The command that failed last in a terminal, with what it printed: known where VS Code's shell integration works. */
import * as vscode from "vscode";
import type { FailedCommand } from "./issue.js";
import { plain } from "./plain.js";

/** Of an output, the end that is kept. */
const KEPT_CHARS = 64 * 1024;

export class FailedCommands implements vscode.Disposable {
  private readonly outputs = new WeakMap<vscode.TerminalShellExecution, Promise<string>>();
  private readonly parts: readonly vscode.Disposable[];
  last: FailedCommand | undefined;

  constructor() {
    this.parts = [
      vscode.window.onDidStartTerminalShellExecution(({ execution }) => this.outputs.set(execution, kept(execution))),
      vscode.window.onDidEndTerminalShellExecution(({ execution, exitCode }) => void this.ended(execution, exitCode)),
    ];
  }

  dispose(): void {
    for (const part of this.parts) part.dispose();
  }

  private async ended(execution: vscode.TerminalShellExecution, exitCode: number | undefined): Promise<void> {
    if (!exitCode) return;
    const output = plain((await this.outputs.get(execution)) ?? "");
    this.last = { command: execution.commandLine.value, cwd: execution.cwd?.fsPath ?? "", exitCode, output };
    await vscode.commands.executeCommand("setContext", "kimi.commandFailed", true);
  }
}

async function kept(execution: vscode.TerminalShellExecution): Promise<string> {
  let text = "";
  for await (const piece of execution.read()) text = (text + piece).slice(-KEPT_CHARS);
  return text;
}
