/** Entry point: puts the parts together. */
import * as vscode from "vscode";
import { Controller } from "./controller.js";
import type { Conversation } from "./conversation.js";
import { Key } from "./key.js";
import { registerTools } from "./mcp.js";
import { Memory } from "./memory.js";
import { PatchEditor } from "./patchEditor.js";
import { type FromWebview, VIEW_COMMANDS } from "./protocol.js";
import { registerStarts } from "./starts.js";
import { showStatus } from "./status.js";
import { EvidencePanel, View } from "./view.js";

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("Kimi", { log: true });
  const key = new Key(context.secrets);
  const memory = new Memory(context.storageUri && vscode.Uri.joinPath(context.storageUri, "runs.json").fsPath);
  const patches = new PatchEditor(memory, log);
  const controller = new Controller(key, patches, memory, log);
  const state = () => controller.state();
  const take = (message: FromWebview) => void taken(message, controller, patches).catch((error: unknown) => failed(error, log));
  const view = new View(context.extensionUri, state, () => controller.entries, take);
  const evidence = new EvidencePanel(context.extensionUri, state, take);
  const status = vscode.window.createStatusBarItem("kimi.status", vscode.StatusBarAlignment.Left, 0);
  status.name = "Kimi";
  const command = (name: string, run: (...args: never[]) => unknown) => vscode.commands.registerCommand(name, run);

  const shown = () => {
    view.refresh();
    evidence.refresh();
    showStatus(status, controller.summary);
    const { waiting, asking } = controller.summary;
    view.badge(waiting + asking, asking ? "A run asks for your leave" : `${waiting} ${waiting === 1 ? "file waits" : "files wait"} for review`);
  };
  context.subscriptions.push(
    log, patches, controller, view, evidence, status,
    controller.onDidChange(shown),
    controller.onDidWant((conversation) => void wanted(conversation, controller, view)),
    registerStarts(controller, view),
    registerTools(context.extension.packageJSON instanceof Object ? String((context.extension.packageJSON as { version?: unknown }).version) : ""),
    context.secrets.onDidChange(() => void controller.restart()),
    command("kimi.cancel", () => controller.cancel()),
    command("kimi.newRun", async () => {
      await controller.home();
      await view.focus();
    }),
    command("kimi.goOn", () => controller.goOn()),
    command("kimi.retry", () => controller.retry()),
    command("kimi.runTests", () => controller.runTests()),
    command("kimi.review", () => patches.open()),
    command("kimi.acceptAll", () => patches.decideAll("accepted")),
    command("kimi.rejectAll", () => patches.decideAll("rejected")),
    command("kimi.acceptFile", () => decideActive(patches, "accepted")),
    command("kimi.rejectFile", () => decideActive(patches, "rejected")),
    command("kimi.acceptHunk", (path: string, hunk: number) => patches.decide(path, hunk, "accepted")),
    command("kimi.rejectHunk", (path: string, hunk: number) => patches.decide(path, hunk, "rejected")),
    command("kimi.evidence", () => {
      evidence.show();
    }),
    command("kimi.setKey", async () => {
      if (!(await key.ask())) return;
      await controller.restart();
      void vscode.window.showInformationMessage("The key is kept in VS Code's secret storage; it is used from now on.");
    }),
    command("kimi.forgetKey", () => key.forget()),
    command("kimi.showLog", () => {
      log.show();
    }),
    command("kimi.openSettings", () => vscode.commands.executeCommand("workbench.action.openSettings", `@ext:${context.extension.id}`)),
    command("kimi.walkthrough", () => vscode.commands.executeCommand("workbench.action.openWalkthrough", `${context.extension.id}#start`)),
    command("kimi.openView", () => view.focus()),
  );
  status.command = "kimi.openView";
  status.show();
  shown();
  void controller.restore().catch((error: unknown) => log.error(String(error)));
}

function failed(error: unknown, log: vscode.LogOutputChannel): void {
  log.error(error instanceof Error ? error : String(error));
  void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
}

/** A run asks, or has ended, where the user does not see it: say so. */
async function wanted(conversation: Conversation, controller: Controller, view: View): Promise<void> {
  if (view.visible && controller.isShown(conversation)) return;
  const { title, told } = conversation.run;
  const files = told?.files.length ?? 0;
  const what = conversation.waits ? `asks: ${conversation.asking?.title ?? ""}` : files ? `has a patch of ${files} ${files === 1 ? "file" : "files"} for you to review` : "has ended";
  const answer = await vscode.window.showInformationMessage(`Kimi: “${title}” ${what}`, "Show");
  if (!answer) return;
  await controller.pick(conversation.key);
  await view.focus();
}

async function taken(message: FromWebview, controller: Controller, patches: PatchEditor): Promise<unknown> {
  switch (message.type) {
    case "fix":
      return controller.fix(message.text);
    case "steer":
      return controller.say(message.text);
    case "answer":
      controller.answer(message.option);
      return undefined;
    case "command":
      return VIEW_COMMANDS.includes(message.command) ? vscode.commands.executeCommand(message.command) : undefined;
    case "diff":
      return patches.open(message.path);
    case "decide":
      return patches.decide(message.path, message.hunk, message.decision);
    case "show":
      return controller.pick(message.key);
    case "delete":
      return controller.remove(message.key);
    case "open":
      return openFile(message.path);
    case "ready":
      return undefined;
  }
}

/** Open a file that a call named, if it is one of the workspace. */
async function openFile(path: string): Promise<void> {
  const uri = vscode.Uri.file(path);
  if (vscode.workspace.getWorkspaceFolder(uri)) await vscode.window.showTextDocument(uri, { preview: true });
}

async function decideActive(patches: PatchEditor, decision: "accepted" | "rejected"): Promise<void> {
  const path = patches.active() ?? patches.current?.waiting[0]?.path;
  if (path !== undefined) await patches.decide(path, undefined, decision);
}
