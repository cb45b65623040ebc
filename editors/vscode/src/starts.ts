/** Where a run can start from: typed words, a file, a selection, a problem, a failing test, a failed command. */
import * as vscode from "vscode";
import type { Controller } from "./controller.js";
import { type Place, type Problem, fromCommand, fromProblems, fromSelection, fromTest } from "./issue.js";
import { FailedCommands } from "./terminals.js";
import type { View } from "./view.js";

const SEVERITIES = ["Error", "Warning", "Information", "Hint"];
const AROUND = 3;
const ISSUE_CHARS = 100_000;

function placed(document: vscode.TextDocument, range: vscode.Range): Place {
  const lines = new vscode.Range(range.start.line, 0, range.end.line, Number.MAX_SAFE_INTEGER);
  return {
    path: vscode.workspace.asRelativePath(document.uri, false),
    first: range.start.line + 1,
    last: range.end.line + 1,
    text: document.getText(document.validateRange(lines)),
  };
}

function told(one: vscode.Diagnostic): Problem {
  const code = typeof one.code === "object" ? one.code.value : (one.code ?? "");
  return { message: one.message, source: one.source ?? "", code: String(code), severity: SEVERITIES[one.severity] ?? "Problem", line: one.range.start.line + 1 };
}

/** The whole text of a file that holds an issue, as the user sees it. */
async function issueIn(uri: vscode.Uri): Promise<string> {
  const text = (await vscode.workspace.openTextDocument(uri)).getText().trim();
  if (text.length > ISSUE_CHARS) throw new Error(`${vscode.workspace.asRelativePath(uri, false)} has ${text.length} characters: too long for an issue (${ISSUE_CHARS}).`);
  return text;
}

class ProblemFixes implements vscode.CodeActionProvider {
  provideCodeActions(document: vscode.TextDocument, _: vscode.Range, context: vscode.CodeActionContext): vscode.CodeAction[] {
    if (!context.diagnostics.length) return [];
    const action = new vscode.CodeAction("Fix with Kimi", vscode.CodeActionKind.QuickFix);
    action.diagnostics = [...context.diagnostics];
    action.command = { command: "kimi.fixProblem", title: "Fix with Kimi", arguments: [document.uri, context.diagnostics] };
    return [action];
  }
}

/** A test of the Testing view, or one of its messages. */
type FromTesting = vscode.TestItem | { test?: vscode.TestItem; message: vscode.TestMessage };

export function registerStarts(controller: Controller, view: View): vscode.Disposable {
  const commands = new FailedCommands();
  const fix = async (issue: string, at?: vscode.Uri) => {
    await view.focus();
    await controller.fix(issue, at);
  };
  const command = vscode.commands.registerCommand;
  return vscode.Disposable.from(
    commands,
    vscode.languages.registerCodeActionsProvider({ scheme: "file" }, new ProblemFixes(), { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix] }),
    command("kimi.fixIssue", async (text?: string) => {
      if (typeof text === "string" && text.trim()) return fix(text);
      await controller.home();
      return view.focus();
    }),
    command("kimi.fixFile", async (uri?: vscode.Uri) => {
      const from = uri ?? vscode.window.activeTextEditor?.document.uri;
      const text = from ? await issueIn(from) : "";
      if (text) await fix(text, from);
    }),
    command("kimi.fixSelection", async () => {
      const editor = vscode.window.activeTextEditor;
      if (!editor) return;
      const place = placed(editor.document, editor.selection);
      const lines = place.first === place.last ? `line ${place.first}` : `lines ${place.first}–${place.last}`;
      const wish = await vscode.window.showInputBox({ title: `Kimi: ${place.path}, ${lines}`, prompt: "What is wrong there, or what is to change?", ignoreFocusOut: true });
      if (wish?.trim()) await fix(fromSelection(wish, place), editor.document.uri);
    }),
    command("kimi.fixProblem", async (uri: vscode.Uri, problems: readonly vscode.Diagnostic[]) => {
      const document = await vscode.workspace.openTextDocument(uri);
      const range = problems.map((one) => one.range).reduce((all, one) => all.union(one));
      const wide = document.validateRange(new vscode.Range(Math.max(0, range.start.line - AROUND), 0, range.end.line + AROUND, 0));
      await fix(fromProblems(problems.map(told), placed(document, wide)), uri);
    }),
    command("kimi.fixFailingTest", async (from?: FromTesting) => {
      const item = from && "label" in from ? from : from?.test;
      const message = from && "message" in from ? from.message : undefined;
      const name = item?.label ?? (await vscode.window.showInputBox({ title: "Kimi", prompt: "Which test fails? Its name or id." }));
      if (!name?.trim()) return;
      const line = message?.location?.range.start.line ?? item?.range?.start.line;
      const path = item?.uri ? vscode.workspace.asRelativePath(item.uri, false) : "";
      const words = typeof message?.message === "string" ? message.message : (message?.message.value ?? "");
      await fix(fromTest({ name, id: item?.id ?? name, at: path && line !== undefined ? `${path}:${line + 1}` : path, message: words }), item?.uri);
    }),
    command("kimi.fixCommand", async () => {
      const failed = commands.last;
      if (failed) return fix(fromCommand(failed));
      return vscode.window.showInformationMessage("No command has failed in a terminal of this window, as far as VS Code's shell integration tells.");
    }),
  );
}
