/** Entry point: puts the parts together. */
import * as vscode from "vscode";
import { Controller } from "./controller.js";
import { Key } from "./key.js";
import { registerTools } from "./mcp.js";
import { PatchEditor } from "./patchEditor.js";
import { type FromWebview, VIEW_COMMANDS } from "./protocol.js";
import { registerStarts } from "./starts.js";
import { EvidencePanel, View } from "./view.js";

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("Kimi", { log: true });
  const key = new Key(context.secrets);
  const patches = new PatchEditor(log);
  const controller = new Controller(key, patches, log);
  const state = () => controller.state();
  const take = (message: FromWebview) => void taken(message, controller, patches).catch((error: unknown) => log.error(String(error)));
  const view = new View(context.extensionUri, state, take);
  const evidence = new EvidencePanel(context.extensionUri, state, take);
  const status = vscode.window.createStatusBarItem("kimi.status", vscode.StatusBarAlignment.Left, 0);
  status.name = "Kimi";
  const command = (name: string, run: (...args: never[]) => unknown) => vscode.commands.registerCommand(name, run);

  const shown = () => {
    view.refresh();
    evidence.refresh();
    showStatus(status, controller);
    const { waiting } = controller.summary;
    view.badge(controller.running ? 0 : waiting, `${waiting} ${waiting === 1 ? "file waits" : "files wait"} for review`);
  };
  context.subscriptions.push(
    log, patches, controller, view, evidence, status,
    controller.onDidChange(shown),
    registerStarts(controller, view),
    registerTools(context.extension.packageJSON instanceof Object ? String((context.extension.packageJSON as { version?: unknown }).version) : ""),
    context.secrets.onDidChange(() => void controller.restart()),
    command("kimi.cancel", () => controller.cancel()),
    command("kimi.newRun", () => controller.fresh()),
    command("kimi.runTests", () => controller.runTests()),
    command("kimi.review", () => patches.open()),
    command("kimi.acceptAll", () => patches.decideAll(true)),
    command("kimi.rejectAll", () => patches.decideAll(false)),
    command("kimi.acceptFile", () => decideActive(patches, true)),
    command("kimi.rejectFile", () => decideActive(patches, false)),
    command("kimi.acceptHunk", (path: string, hunk: number) => patches.decide(path, hunk, true)),
    command("kimi.rejectHunk", (path: string, hunk: number) => patches.decide(path, hunk, false)),
    command("kimi.evidence", () => {
      evidence.show();
    }),
    command("kimi.setKey", () => key.ask()),
    command("kimi.forgetKey", () => key.forget()),
    command("kimi.showLog", () => {
      log.show();
    }),
    command("kimi.walkthrough", () => vscode.commands.executeCommand("workbench.action.openWalkthrough", `${context.extension.id}#start`)),
    command("kimi.openView", () => view.focus()),
  );
  status.command = "kimi.openView";
  status.show();
  shown();
  void controller.refresh().catch((error: unknown) => log.error(String(error)));
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
      return patches.decide(message.path, message.hunk, message.accept);
    case "load":
      return controller.load(message.id);
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

async function decideActive(patches: PatchEditor, accept: boolean): Promise<void> {
  const path = patches.active() ?? patches.current?.waiting[0]?.path;
  if (path !== undefined) await patches.decide(path, undefined, accept);
}

function showStatus(status: vscode.StatusBarItem, controller: Controller): void {
  const { text, waiting, cost } = controller.summary;
  const spent = cost > 0 ? ` · $${cost.toFixed(3)}` : "";
  if (controller.running) {
    status.text = `$(sync~spin) Kimi: ${text.slice(0, 40)}${spent}`;
    status.tooltip = "Kimi works on an issue. Click to watch.";
  } else if (waiting) {
    status.text = `$(diff) Kimi: ${waiting} to review`;
    status.tooltip = "A patch waits for your review.";
  } else {
    status.text = "$(sparkle) Kimi";
    status.tooltip = "Have Kimi fix an issue";
  }
}
