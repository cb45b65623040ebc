/** Where a run can start from: typed words, a selection, a problem, a failing test. */
import * as vscode from "vscode";
import type { Controller } from "./controller.js";
import { type Place, fromProblems, fromSelection, fromTest } from "./issue.js";
import type { View } from "./view.js";

const SEVERITIES = ["Error", "Warning", "Information", "Hint"];
const AROUND = 3;

function placed(document: vscode.TextDocument, range: vscode.Range): Place {
  const lines = new vscode.Range(range.start.line, 0, range.end.line, Number.MAX_SAFE_INTEGER);
  return {
    path: vscode.workspace.asRelativePath(document.uri, false),
    first: range.start.line + 1,
    last: range.end.line + 1,
    text: document.getText(document.validateRange(lines)),
  };
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
  const fix = async (issue: string, at?: vscode.Uri) => {
    await view.focus();
    await controller.fix(issue, at);
  };
  return vscode.Disposable.from(
    vscode.languages.registerCodeActionsProvider({ scheme: "file" }, new ProblemFixes(), { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix] }),
    vscode.commands.registerCommand("kimi.fixIssue", async (text?: string) => {
      if (typeof text === "string" && text.trim()) return fix(text);
      await controller.fresh();
      return view.focus();
    }),
    vscode.commands.registerCommand("kimi.fixSelection", async () => {
      const editor = vscode.window.activeTextEditor;
      if (!editor) return;
      const place = placed(editor.document, editor.selection);
      const wish = await vscode.window.showInputBox({ title: `Kimi: ${place.path}`, prompt: "What is wrong there, or what is to change?", ignoreFocusOut: true });
      if (wish?.trim()) await fix(fromSelection(wish, place), editor.document.uri);
    }),
    vscode.commands.registerCommand("kimi.fixProblem", async (uri: vscode.Uri, problems: readonly vscode.Diagnostic[]) => {
      const document = await vscode.workspace.openTextDocument(uri);
      const range = problems.map((one) => one.range).reduce((all, one) => all.union(one));
      const wide = document.validateRange(new vscode.Range(Math.max(0, range.start.line - AROUND), 0, range.end.line + AROUND, 0));
      const told = problems.map((one) => ({ message: one.message, source: one.source ?? "", severity: SEVERITIES[one.severity] ?? "Problem" }));
      await fix(fromProblems(told, placed(document, wide)), uri);
    }),
    vscode.commands.registerCommand("kimi.fixFailingTest", async (from?: FromTesting) => {
      const item = from && "label" in from ? from : from?.test;
      const message = from && "message" in from ? from.message.message : undefined;
      const name = item?.label ?? (await vscode.window.showInputBox({ title: "Kimi", prompt: "Which test fails? Its name or id." }));
      if (!name?.trim()) return;
      const path = item?.uri ? vscode.workspace.asRelativePath(item.uri, false) : undefined;
      const text = typeof message === "string" ? message : (message?.value ?? "");
      await fix(fromTest(name, path, text), item?.uri);
    }),
  );
}
