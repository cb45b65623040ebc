/** The runs that are open: started, followed, steered, cancelled, reviewed. One of them is shown. */
import type { RequestPermissionRequest, RequestPermissionResponse, SessionUpdate } from "@agentclientprotocol/sdk";
import * as vscode from "vscode";
import { type Agent, AgentGone } from "./agent.js";
import { Agents } from "./agents.js";
import { unsaved } from "./buffers.js";
import { Conversation } from "./conversation.js";
import { titleOf } from "./issue.js";
import type { Key } from "./key.js";
import type { Memory } from "./memory.js";
import type { PatchEditor } from "./patchEditor.js";
import type { Listed, State, Trouble } from "./protocol.js";
import { Review } from "./review.js";
import { type Entry, begun, doing, ended, reduce, spent } from "./run.js";
import { chosenFolder, settings } from "./settings.js";
import { type Checked, checkTests } from "./testCheck.js";

const GO_ON = "Go on where you were interrupted.";
const NONE: readonly Entry[] = [];

export class Controller implements vscode.Disposable {
  private readonly agents: Agents;
  private readonly open: Conversation[] = [];
  private shown: Conversation | undefined;
  private earlier: readonly Listed[] = [];
  private key: State["key"] = "unneeded";
  private trouble: Trouble | undefined;
  private checked: Checked | undefined;
  private refreshes = 0;
  private readonly changes = new vscode.EventEmitter<void>();
  private readonly wants = new vscode.EventEmitter<Conversation>();
  readonly onDidChange = this.changes.event;
  /** A run needs the user: it asks, or has ended. */
  readonly onDidWant = this.wants.event;
  private readonly parts: readonly { dispose(): unknown }[];

  constructor(
    private readonly keys: Key,
    private readonly patches: PatchEditor,
    private readonly memory: Memory,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.agents = new Agents(keys, log, {
      updated: (session, update) => this.updated(session, update),
      asked: (request) => this.asked(request),
    });
    this.parts = [
      this.agents, this.changes, this.wants,
      patches.onDidDecide(() => void this.decided()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("kimi")) void this.restart();
      }),
    ];
  }

  dispose(): void {
    for (const one of this.open) one.refuse();
    for (const part of this.parts) part.dispose();
  }

  get running(): boolean {
    return this.shown?.running ?? false;
  }

  get entries(): readonly Entry[] {
    return this.shown?.run.entries ?? NONE;
  }

  isShown(conversation: Conversation): boolean {
    return this.shown === conversation;
  }

  /** All runs in a few words, for the status bar. */
  get summary(): { doing: string; running: number; asking: number; waiting: number; spent: string } {
    const running = this.open.filter((one) => one.running);
    const first = this.shown?.running ? this.shown : running[0];
    const of = first ?? this.shown;
    return {
      doing: first ? doing(first.run) : "",
      running: running.length,
      asking: this.open.filter((one) => one.waits).length,
      waiting: this.open.reduce((sum, one) => sum + (one.review?.waiting.length ?? 0), 0),
      spent: of ? spent(of.run) : "",
    };
  }

  state(): State {
    const { shown } = this;
    const folder = shown?.folder ?? vscode.workspace.workspaceFolders?.[0];
    const chosen = settings(folder?.uri);
    const asking = shown?.asking;
    const listed = new Set(this.open.map((one) => one.session));
    return {
      folder: folder?.name ?? "",
      key: this.key,
      model: chosen.model,
      mode: chosen.mode,
      files: shown?.review?.shown() ?? [],
      list: [...this.open.map((one) => one.listed).reverse(), ...this.earlier.filter((one) => !listed.has(one.key))],
      ...(shown ? { run: shown.shown } : {}),
      ...(this.checked ? { checked: this.checked } : {}),
      ...(asking ? { asking } : {}),
      ...(this.trouble ? { trouble: this.trouble } : {}),
    };
  }

  /** Have an issue fixed, beside whatever else is under way. */
  async fix(issue: string, at?: vscode.Uri): Promise<void> {
    const folder = await chosenFolder(at);
    if (!folder) {
      void vscode.window.showInformationMessage("Open a folder first: Kimi works in a repository.");
      return;
    }
    const { mode, place } = settings(folder.uri);
    if (place === "tree" && this.open.some((one) => one.running && one.place === "tree" && one.folder === folder)) {
      void vscode.window.showInformationMessage("A run edits these files already. Cancel it first, or have runs work in private copies (the setting kimi.place).");
      return;
    }
    const conversation = new Conversation(folder, place, begun(titleOf(issue)));
    this.open.push(conversation);
    await this.show(conversation);
    await this.turn(conversation, async (agent) => {
      conversation.session = await agent.open(folder.uri.fsPath, { mode, place });
      await this.remember();
      return agent.prompt(conversation.session, `/fix ${issue}`, await unsaved(folder, place));
    });
  }

  /** Words of the user: for the run under way, or a further turn of one that has ended. */
  async say(text: string): Promise<void> {
    const conversation = this.shown;
    const session = conversation?.session;
    if (!conversation || !session) return this.fix(text);
    if (conversation.run.phase === "loading") return;
    conversation.run = reduce(conversation.run, { sessionUpdate: "user_message_chunk", content: { type: "text", text } });
    if (!conversation.running) {
      const { stop, trouble, way, ...run } = conversation.run;
      conversation.run = { ...run, phase: "running" };
      return this.turn(conversation, async (agent) => agent.prompt(session, text, await unsaved(conversation.folder, conversation.place)));
    }
    this.changes.fire();
    try {
      await conversation.agent?.steer(session, text);
    } catch (error) {
      this.log.warn(String(error));
      void vscode.window.showWarningMessage("The run has just ended and did not hear it.");
    }
  }

  /** An interrupted run goes on. */
  async goOn(): Promise<void> {
    if (this.shown?.stopped) await this.say(GO_ON);
  }

  async cancel(): Promise<void> {
    const conversation = this.shown;
    conversation?.refuse();
    if (conversation?.running && conversation.session) await conversation.agent?.cancel(conversation.session);
    this.changes.fire();
  }

  answer(option: string): void {
    this.shown?.answer(option);
    this.changes.fire();
  }

  /** Show no run, so that a new issue can be typed; those under way go on. */
  async home(): Promise<void> {
    await this.show(undefined);
    await this.refresh();
  }

  /** Show a run of the list: an open one, or an earlier one told again. */
  async pick(key: string): Promise<void> {
    const found = this.open.find((one) => one.key === key || one.session === key);
    if (found) return this.show(found);
    const folder = vscode.workspace.workspaceFolders?.find((one) => one.uri.fsPath === this.memory.shown?.folder && this.memory.shown.session === key) ?? vscode.workspace.workspaceFolders?.[0];
    if (!folder) return;
    const title = this.earlier.find((one) => one.key === key)?.title ?? this.memory.shown?.title ?? "";
    const conversation = new Conversation(folder, settings(folder.uri).place, begun(title, "loading"), key);
    this.open.push(conversation);
    await this.show(conversation);
    await this.turn(conversation, async (agent) => {
      await agent.load(folder.uri.fsPath, key);
      return "loaded";
    });
  }

  /** Delete a run of the list, for good; the user is asked. */
  async remove(key: string): Promise<void> {
    const found = this.open.find((one) => one.key === key || one.session === key);
    if (found?.running) {
      void vscode.window.showInformationMessage("It is under way: cancel it first.");
      return;
    }
    const folder = found?.folder ?? vscode.workspace.workspaceFolders?.[0];
    const session = found ? found.session : key;
    const title = found?.run.title ?? this.earlier.find((one) => one.key === key)?.title ?? "";
    const answer = await vscode.window.showWarningMessage(`Delete this run with its history and patch?`, { modal: true, detail: title }, "Delete");
    if (!answer || !folder) return;
    if (session) await (await this.agents.of(folder)).delete(session);
    if (found) this.open.splice(this.open.indexOf(found), 1);
    if (found && this.shown === found) await this.show(undefined);
    await this.refresh();
  }

  /** Run the project's tests on the user's own files, with the workshop's own tool: no model, no key. */
  async runTests(): Promise<void> {
    const folder = this.shown?.folder ?? vscode.workspace.workspaceFolders?.[0];
    if (!folder || this.checked?.running) return;
    this.checked = { running: true, passed: false, text: "" };
    this.changes.fire();
    this.checked = await checkTests(folder);
    this.changes.fire();
  }

  /** After a reload of the window: show what was shown. */
  async restore(): Promise<void> {
    const { shown } = this.memory;
    await this.refresh();
    if (shown && !this.shown && !this.trouble && vscode.workspace.workspaceFolders?.some((one) => one.uri.fsPath === shown.folder)) await this.pick(shown.session);
  }

  /** Read the key's state and the earlier runs anew. */
  async refresh(): Promise<void> {
    const folder = this.shown?.folder ?? vscode.workspace.workspaceFolders?.[0];
    this.key = await this.keys.state(settings(folder?.uri).baseUrl);
    this.changes.fire();
    if (!folder) return;
    const turn = ++this.refreshes; // of several that overlap, the last one counts
    try {
      const sessions = await (await this.agents.of(folder)).list(folder.uri.fsPath);
      if (turn !== this.refreshes) return;
      this.earlier = sessions.map((one) => ({ key: one.sessionId, title: one.title ?? one.sessionId, when: one.updatedAt ?? "", state: "" }));
      this.trouble = undefined;
    } catch (error) {
      this.log.warn(String(error));
      if (turn !== this.refreshes) return;
      this.trouble = { text: error instanceof Error ? error.message : String(error), way: error instanceof AgentGone ? error.way : "log" };
    }
    this.changes.fire();
  }

  /** Settings or key changed: what begins from now on gets a new process. */
  async restart(): Promise<void> {
    this.agents.renew();
    await this.release();
    await this.refresh();
  }

  private async show(conversation: Conversation | undefined): Promise<void> {
    if (conversation !== this.shown) this.checked = undefined;
    this.shown = conversation;
    await this.patches.show(conversation?.review, conversation?.folder.uri);
    await this.remember();
    this.changed();
  }

  private async remember(): Promise<void> {
    const { shown } = this;
    await this.memory.setShown(shown?.session === undefined ? undefined : { session: shown.session, folder: shown.folder.uri.fsPath, title: shown.run.title });
  }

  private async turn(conversation: Conversation, work: (agent: Agent) => Promise<string>): Promise<void> {
    this.changed();
    try {
      conversation.agent = await this.agents.of(conversation.folder);
      const stop = await work(conversation.agent);
      conversation.run = ended(conversation.run, stop);
    } catch (error) {
      this.log.error(error instanceof AgentGone ? error.message : error instanceof Error ? error : String(error));
      const way = error instanceof AgentGone ? error.way : undefined;
      conversation.run = ended(conversation.run, "failed", error instanceof Error ? error.message : String(error), way);
    }
    conversation.refuse();
    conversation.agent = undefined;
    await this.release();
    await this.finish(conversation);
  }

  private async release(): Promise<void> {
    await this.agents.release(this.open.map((one) => one.agent));
  }

  private async finish(conversation: Conversation): Promise<void> {
    const { told, stop } = conversation.run;
    if (told?.files.length && conversation.review?.told !== told) {
      conversation.review = new Review(told);
      conversation.review.restore(this.memory.decisions(told.run));
    }
    if (this.shown === conversation) {
      await this.patches.show(conversation.review, conversation.folder.uri);
      if (stop !== "loaded" && conversation.review?.waiting.length) await this.patches.open(undefined, true);
    }
    this.changed();
    if (stop !== "loaded") this.wants.fire(conversation);
    await this.refresh();
  }

  private async decided(): Promise<void> {
    const review = this.patches.current;
    if (review) await this.memory.setDecisions(review.told.run, review.kept);
    this.changes.fire();
  }

  private updated(session: string, update: SessionUpdate): void {
    const conversation = this.open.find((one) => one.session === session);
    if (!conversation) return;
    const next = reduce(conversation.run, update);
    if (next === conversation.run) return;
    conversation.run = next;
    this.changes.fire();
  }

  private asked(request: RequestPermissionRequest): Promise<RequestPermissionResponse> {
    const conversation = this.open.find((one) => one.session === request.sessionId);
    if (!conversation) return Promise.resolve({ outcome: { outcome: "cancelled" } });
    return new Promise((answer) => {
      conversation.ask({ request, answer });
      this.changes.fire();
      this.wants.fire(conversation);
    });
  }

  private changed(): void {
    void vscode.commands.executeCommand("setContext", "kimi.running", this.running);
    this.changes.fire();
  }
}
