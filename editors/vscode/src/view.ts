/** The webview in the side bar: it shows the state that it is given, and says what the user does. */
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { Sent } from "./delta.js";
import type { FromWebview, State, ToWebview } from "./protocol.js";
import type { Entry } from "./run.js";

const EVERY_MS = 80;

export class View implements vscode.WebviewViewProvider, vscode.Disposable {
  private shown: vscode.WebviewView | undefined;
  private timer: NodeJS.Timeout | undefined;
  private wanted = false;
  private readonly sent = new Sent();
  private readonly registration: vscode.Disposable;

  constructor(
    private readonly extension: vscode.Uri,
    private readonly state: () => State,
    private readonly entries: () => readonly Entry[],
    private readonly take: (message: FromWebview) => void,
  ) {
    this.registration = vscode.window.registerWebviewViewProvider("kimi.run", this, { webviewOptions: { retainContextWhenHidden: true } });
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.registration.dispose();
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.shown = view;
    prepare(view.webview, this.extension, "run");
    view.webview.onDidReceiveMessage((message: FromWebview) => {
      if (message.type !== "ready") {
        this.take(message);
        return;
      }
      this.sent.forget();
      this.send();
      if (this.wanted) this.focusWords();
    });
    view.onDidDispose(() => (this.shown = undefined));
  }

  /** Show the state soon; many changes become one. */
  refresh(): void {
    this.timer ??= setTimeout(() => this.send(), EVERY_MS);
  }

  get visible(): boolean {
    return this.shown?.visible ?? false;
  }

  /** Bring the view to the front, with the cursor in its text field. */
  async focus(): Promise<void> {
    this.wanted = true; // a view that is only made now says when it is ready
    await vscode.commands.executeCommand("kimi.run.focus");
    this.focusWords();
  }

  private focusWords(): void {
    const message: ToWebview = { type: "focus" };
    void this.shown?.webview.postMessage(message).then((heard) => {
      if (heard) this.wanted = false;
    });
  }

  badge(value: number, tooltip: string): void {
    if (this.shown) this.shown.badge = { value, tooltip: value ? tooltip : "" }; // 0, because undefined does not take it away
  }

  private send(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.shown) return;
    const state = this.state();
    const message: ToWebview = { type: "state", state, delta: this.sent.delta(state.run?.key ?? "", this.entries()) };
    void this.shown.webview.postMessage(message);
  }
}

/** The evidence in an editor of its own, beside the diff. */
export class EvidencePanel implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;

  constructor(
    private readonly extension: vscode.Uri,
    private readonly state: () => State,
    private readonly take: (message: FromWebview) => void,
  ) {}

  dispose(): void {
    this.panel?.dispose();
  }

  show(): void {
    if (this.panel) {
      if (!this.panel.visible) this.panel.reveal(vscode.ViewColumn.Beside, true); // not over what it is to stand beside
      return;
    }
    const panel = vscode.window.createWebviewPanel("kimi.evidence", "Evidence", { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true }, {});
    this.panel = panel;
    panel.iconPath = vscode.Uri.joinPath(this.extension, "media", "icon.png");
    prepare(panel.webview, this.extension, "evidence");
    panel.webview.onDidReceiveMessage((message: FromWebview) => (message.type === "ready" ? this.refresh() : this.take(message)));
    panel.onDidDispose(() => (this.panel = undefined));
  }

  refresh(): void {
    const message: ToWebview = { type: "state", state: this.state(), delta: { anew: false, gone: [], changed: [] } };
    void this.panel?.webview.postMessage(message);
  }
}

function prepare(webview: vscode.Webview, extension: vscode.Uri, page: "run" | "evidence"): void {
  const dist = vscode.Uri.joinPath(extension, "dist");
  const media = vscode.Uri.joinPath(extension, "media");
  webview.options = { enableScripts: true, localResourceRoots: [dist, media] };
  const nonce = randomBytes(18).toString("base64");
  const script = webview.asWebviewUri(vscode.Uri.joinPath(dist, "webview.js")).toString();
  const style = webview.asWebviewUri(vscode.Uri.joinPath(media, "view.css")).toString();
  webview.html = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>Kimi</title>
</head>
<body data-page="${page}"><main id="root"></main><script nonce="${nonce}" src="${script}"></script></body>
</html>`;
}
