/** The run that the user sees: started, followed, steered, cancelled, reviewed. */
import { execFile } from "node:child_process";
import type { RequestPermissionRequest, RequestPermissionResponse, SessionUpdate } from "@agentclientprotocol/sdk";
import * as vscode from "vscode";
import { Agent, AgentGone } from "./agent.js";
import { acp, runTests } from "./arguments.js";
import { titleOf } from "./issue.js";
import type { Key } from "./key.js";
import type { PatchEditor } from "./patchEditor.js";
import type { Earlier, State } from "./protocol.js";
import { Review } from "./review.js";
import { type Run, begun, doing, ended, reduce } from "./run.js";
import { chosenFolder, settings } from "./settings.js";

const CHECKED_CHARS = 4_000;
const CHECK_MS = 15 * 60_000;

interface Pending {
  readonly request: RequestPermissionRequest;
  readonly answer: (response: RequestPermissionResponse) => void;
}

export class Controller implements vscode.Disposable {
  private agent: Agent | undefined;
  private agentFolder = "";
  private folder: vscode.WorkspaceFolder | undefined;
  private session: string | undefined;
  private run: Run | undefined;
  private asking: Pending | undefined;
  private earlier: readonly Earlier[] = [];
  private key: State["key"] = "unneeded";
  private checked: State["checked"];
  private readonly changes = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changes.event;
  private readonly parts: readonly { dispose(): unknown }[];

  constructor(
    private readonly keys: Key,
    private readonly patches: PatchEditor,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.parts = [
      this.changes,
      patches.onDidDecide(() => this.changes.fire()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("kimi")) void this.restart();
      }),
    ];
  }

  dispose(): void {
    this.refuse();
    this.agent?.stop();
    for (const part of this.parts) part.dispose();
  }

  get running(): boolean {
    return this.run?.phase === "running";
  }

  /** The run in a few words, for the status bar. */
  get summary(): { text: string; waiting: number; cost: number } {
    const waiting = this.patches.current?.waiting.length ?? 0;
    return { text: this.run ? doing(this.run) : "", waiting, cost: this.run?.cost ?? 0 };
  }

  state(): State {
    const chosen = settings(this.folder?.uri);
    const request = this.asking?.request;
    return {
      folder: this.folder?.name ?? vscode.workspace.workspaceFolders?.[0]?.name ?? "",
      key: this.key,
      model: chosen.model,
      mode: chosen.mode,
      files: this.patches.current?.shown() ?? [],
      earlier: this.earlier,
      ...(this.run ? { run: this.run } : {}),
      ...(this.checked ? { checked: this.checked } : {}),
      ...(request ? { asking: asked(request) } : {}),
    };
  }

  /** Have an issue fixed; refuses while a run is under way. */
  async fix(issue: string, at?: vscode.Uri): Promise<void> {
    if (this.running) {
      void vscode.window.showInformationMessage("A run is under way. Cancel it first, or tell it in the Kimi view what to mind.");
      return;
    }
    const folder = await chosenFolder(at);
    if (!folder) {
      void vscode.window.showInformationMessage("Open a folder first: Kimi works in a repository.");
      return;
    }
    if (!(await this.settled())) return;
    this.folder = folder;
    this.checked = undefined;
    this.session = undefined;
    await this.patches.show(undefined, undefined);
    await this.turn(begun(titleOf(issue)), async (agent) => {
      const { mode, place } = settings(folder.uri);
      this.session = await agent.open(folder.uri.fsPath, { mode, place });
      return agent.prompt(this.session, `/fix ${issue}`);
    });
  }

  /** Words of the user: for the run under way, or a further turn of one that has ended. */
  async say(text: string): Promise<void> {
    const { agent, session, run } = this;
    if (!session || !run) return this.fix(text);
    this.updated(session, { sessionUpdate: "user_message_chunk", content: { type: "text", text: `${text}\n` } });
    if (!this.running) return this.turn({ ...run, phase: "running" }, (found) => found.prompt(session, text));
    try {
      await agent?.steer(session, text);
    } catch (error) {
      this.log.warn(String(error));
      void vscode.window.showWarningMessage("The run has just ended and did not hear it.");
    }
  }

  async cancel(): Promise<void> {
    this.refuse();
    if (this.running && this.session) await this.agent?.cancel(this.session);
  }

  answer(option: string): void {
    const pending = this.asking;
    this.asking = undefined;
    pending?.answer({ outcome: { outcome: "selected", optionId: option } });
    this.changes.fire();
  }

  /** Forget what is shown, so that a new issue can be typed. */
  async fresh(): Promise<void> {
    if (this.running) return;
    this.run = this.session = this.checked = undefined;
    await this.patches.show(undefined, undefined);
    this.changes.fire();
  }

  /** Show an earlier run again. */
  async load(id: string): Promise<void> {
    if (this.running) return;
    const folder = this.folder ?? vscode.workspace.workspaceFolders?.[0];
    if (!folder) return;
    this.folder = folder;
    this.session = id;
    const title = this.earlier.find((one) => one.id === id)?.title ?? "";
    await this.patches.show(undefined, undefined);
    await this.turn(begun(title), async (agent) => {
      await agent.load(folder.uri.fsPath, id);
      return "loaded";
    });
  }

  /** Run the project's tests on the user's own files, with the workshop's own tool: no model, no key. */
  async runTests(): Promise<void> {
    const folder = this.folder ?? vscode.workspace.workspaceFolders?.[0];
    if (!folder || this.checked?.running) return;
    this.checked = { running: true, passed: false, text: "" };
    this.changes.fire();
    const { program, args } = runTests(settings(folder.uri), folder.uri.fsPath);
    const options = { cwd: folder.uri.fsPath, timeout: CHECK_MS, maxBuffer: 16 * 1024 * 1024 };
    const text = await new Promise<string>((resolve) => {
      execFile(program, args, options, (error, out, err) => resolve(out || err || (error?.message ?? "")));
    });
    this.checked = { running: false, passed: text.startsWith("PASSED"), text: text.slice(0, CHECKED_CHARS) };
    this.changes.fire();
  }

  /** Read the key's state and the earlier runs anew. */
  async refresh(): Promise<void> {
    const folder = this.folder ?? vscode.workspace.workspaceFolders?.[0];
    this.key = await this.keys.state(settings(folder?.uri).baseUrl);
    this.changes.fire();
    const agent = folder ? await this.reached(folder).catch((error: unknown) => this.missed(error)) : undefined;
    if (!agent || !folder) return;
    const sessions = await agent.list(folder.uri.fsPath);
    this.earlier = sessions.map((one) => ({ id: one.sessionId, title: one.title ?? one.sessionId, when: one.updatedAt ?? "" }));
    this.changes.fire();
  }

  /** Settings or key changed: the next run gets a new process. */
  async restart(): Promise<void> {
    if (!this.running) {
      this.agent?.stop();
      this.agent = undefined;
    }
    await this.refresh();
  }

  private async turn(run: Run, work: (agent: Agent) => Promise<string>): Promise<void> {
    const folder = this.folder;
    if (!folder) return;
    this.show(run);
    try {
      await vscode.workspace.saveAll(false); // the agent's copy is made from what is on disk
      const agent = await this.reached(folder);
      const stop = await work(agent);
      this.show(ended(this.run ?? run, stop));
    } catch (error) {
      if (!(error instanceof AgentGone)) this.log.error(error instanceof Error ? error : String(error));
      this.show(ended(this.run ?? run, "failed", error instanceof Error ? error.message : String(error)));
    }
    this.refuse();
    await this.finish(folder);
  }

  private async finish(folder: vscode.WorkspaceFolder): Promise<void> {
    const told = this.run?.told;
    if (told?.files.length) {
      await this.patches.show(new Review(told), folder.uri);
      if (this.run?.stop !== "loaded") await this.patches.open();
    }
    this.changes.fire();
    await this.refresh();
  }

  private async reached(folder: vscode.WorkspaceFolder): Promise<Agent> {
    const root = folder.uri.fsPath;
    if (this.agent?.alive && this.agentFolder === root) return this.agent;
    this.agent?.stop();
    this.agentFolder = root;
    const invocation = acp(settings(folder.uri));
    this.log.info(`${invocation.program} ${invocation.args.join(" ")}`);
    this.agent = await Agent.start(invocation, root, await this.keys.environment(), {
      updated: (session, update) => this.updated(session, update),
      asked: (request) => this.ask(request),
      logged: (text) => this.log.info(text.trimEnd()),
    });
    return this.agent;
  }

  private updated(session: string, update: SessionUpdate): void {
    if (session !== this.session || !this.run) return;
    const next = reduce(this.run, update);
    if (next !== this.run) this.show(next);
  }

  private ask(request: RequestPermissionRequest): Promise<RequestPermissionResponse> {
    this.refuse();
    return new Promise((resolve) => {
      this.asking = { request, answer: resolve };
      void vscode.commands.executeCommand("kimi.run.focus");
      this.changes.fire();
    });
  }

  private missed(error: unknown): undefined {
    this.log.warn(String(error));
    return undefined;
  }

  private refuse(): void {
    this.asking?.answer({ outcome: { outcome: "cancelled" } });
    this.asking = undefined;
  }

  private show(run: Run): void {
    this.run = run;
    void vscode.commands.executeCommand("setContext", "kimi.running", run.phase === "running");
    this.changes.fire();
  }

  /** Changes that still wait would be lost with a new run; the user says so. */
  private async settled(): Promise<boolean> {
    const waiting = this.patches.current?.waiting.length ?? 0;
    if (!waiting || this.patches.current?.told.inPlace) return true;
    const answer = await vscode.window.showWarningMessage(
      "A patch waits for your review.",
      { modal: true, detail: "It stays in the list of earlier runs." },
      "Start the New Run",
    );
    return answer !== undefined;
  }
}

function asked(request: RequestPermissionRequest): NonNullable<State["asking"]> {
  const texts = (request.toolCall.content ?? []).flatMap((one) => (one.type === "content" && one.content.type === "text" ? [one.content.text] : []));
  return {
    title: request.toolCall.title ?? "The agent asks for leave",
    detail: texts.join("\n"),
    options: request.options.map((option) => ({ id: option.optionId, name: option.name, kind: option.kind })),
  };
}
