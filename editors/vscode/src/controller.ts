/** The runs that are open: started, followed, steered, cancelled, reviewed. One of them is shown. */
import type { RequestPermissionRequest, RequestPermissionResponse, SessionInfo, SessionUpdate } from "@agentclientprotocol/sdk";
import * as vscode from "vscode";
import { type Agent, AgentGone } from "./agent.js";
import { Agents } from "./agents.js";
import { unsaved } from "./buffers.js";
import { Conversation } from "./conversation.js";
import { titleOf } from "./issue.js";
import type { Key } from "./key.js";
import { unless } from "./limits.js";
import type { Memory } from "./memory.js";
import type { PatchEditor } from "./patchEditor.js";
import type { Listed, State, Trouble } from "./protocol.js";
import { Review } from "./review.js";
import { type Entry, type Run, begun, doing, ended, reduce, spent } from "./run.js";
import { chosenFolder, folders, settings } from "./settings.js";
import { type Checked, checkTests } from "./testCheck.js";

const GO_ON = "Go on where you were interrupted.";
const NONE: readonly Entry[] = [];

/** An earlier run, that can be opened again. */
interface Earlier {
  readonly session: string;
  readonly title: string;
  readonly when: string;
  readonly folder: vscode.WorkspaceFolder;
}

export class Controller implements vscode.Disposable {
  private readonly agents: Agents;
  private readonly open: Conversation[] = [];
  private shown: Conversation | undefined;
  private earlier: readonly Earlier[] = [];
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
      patches.onDidDecide(() => this.changes.fire()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("kimi")) void this.restart();
      }),
      vscode.workspace.onDidChangeWorkspaceFolders(() => void this.refresh()),
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
    const all = folders();
    const folder = shown?.folder ?? all[0];
    const chosen = settings(folder?.uri);
    const asking = shown?.asking;
    return {
      folder: shown || all.length < 2 ? (folder?.name ?? "") : `one of ${all.length} folders`,
      key: this.key,
      model: chosen.model,
      mode: chosen.mode,
      files: shown?.review?.shown() ?? [],
      list: this.listed(all.length > 1),
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
    const { place } = settings(folder.uri);
    if (place === "tree" && this.open.some((one) => one.running && one.place === "tree" && one.folder === folder)) {
      void vscode.window.showInformationMessage("A run edits these files already. Cancel it first, or have runs work in private copies (the setting kimi.place).");
      return;
    }
    const conversation = new Conversation(folder, place, begun(titleOf(issue)), issue);
    this.open.push(conversation);
    await this.begin(conversation);
  }

  /** Give its issue to the program. */
  private async begin(conversation: Conversation): Promise<void> {
    const { folder, issue, place } = conversation;
    conversation.run = begun(titleOf(issue));
    conversation.starting = new AbortController();
    const { signal } = conversation.starting;
    await this.show(conversation);
    await this.turn(conversation, async (agent) => {
      const session = await agent.open(folder.uri.fsPath, { mode: settings(folder.uri).mode, place });
      if (signal.aborted) await agent.delete(session);
      signal.throwIfAborted();
      conversation.session = session;
      await this.remember();
      const open = await unsaved(folder, place);
      return () => agent.prompt(session, `/fix ${issue}`, open);
    });
  }

  /** Words of the user: for the run under way, or a further turn of one that has ended. */
  async say(text: string): Promise<void> {
    const conversation = this.shown;
    const session = conversation?.session;
    if (!conversation || conversation.again) return this.fix(text, conversation?.folder.uri);
    if (!session || conversation.run.phase === "loading") return;
    conversation.run = reduce(conversation.run, { sessionUpdate: "user_message_chunk", content: { type: "text", text } });
    if (!conversation.running) {
      const { stop, trouble, way, ...run } = conversation.run;
      conversation.run = { ...run, phase: "running" };
      return this.turn(conversation, async (agent) => {
        const open = await unsaved(conversation.folder, conversation.place);
        return () => agent.prompt(session, text, open);
      });
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

  /** Start the program anew; the run that is shown, where it could not begin, is tried again. */
  async retry(): Promise<void> {
    await this.restart();
    const conversation = this.shown;
    if (conversation?.again) await (conversation.session === undefined || conversation.issue ? this.begin(conversation) : this.load(conversation, conversation.session));
  }

  /** Stop the run that is shown, at whatever it is: also where the program has not begun with it. */
  async cancel(): Promise<void> {
    const conversation = this.shown;
    if (!conversation?.running) return;
    conversation.refuse();
    this.changes.fire();
    if (conversation.starting) conversation.starting.abort();
    else if (conversation.session) await conversation.agent?.cancel(conversation.session);
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
    const earlier = this.earlier.find((one) => one.session === key);
    if (earlier) await this.reopen(earlier);
  }

  private async reopen({ folder, session, title }: Omit<Earlier, "when">): Promise<void> {
    const conversation = new Conversation(folder, settings(folder.uri).place, begun(title), "", session);
    this.open.push(conversation);
    await this.load(conversation, session);
  }

  /** Have an earlier session told again. */
  private async load(conversation: Conversation, session: string): Promise<void> {
    conversation.run = begun(conversation.run.title, "loading");
    await this.show(conversation);
    await this.turn(conversation, (agent) =>
      Promise.resolve(async () => {
        await agent.load(conversation.folder.uri.fsPath, session);
        return "loaded";
      }),
    );
  }

  /** Delete a run of the list, for good; the user is asked. */
  async remove(key: string): Promise<void> {
    const found = this.open.find((one) => one.key === key || one.session === key);
    if (found?.running) {
      void vscode.window.showInformationMessage("It is under way: cancel it first.");
      return;
    }
    const earlier = this.earlier.find((one) => one.session === key);
    const folder = found?.folder ?? earlier?.folder;
    const session = found ? found.session : key;
    const title = found?.run.title ?? earlier?.title ?? "";
    const answer = await vscode.window.showWarningMessage(`Delete this run with its history and patch?`, { modal: true, detail: title }, "Delete");
    if (!answer || !folder) return;
    if (session) await (await this.agents.of(folder)).delete(session);
    if (found) this.open.splice(this.open.indexOf(found), 1);
    if (found && this.shown === found) await this.show(undefined);
    await this.refresh();
  }

  /** Run the project's tests on the user's own files, with the workshop's own tool: no model, no key. */
  async runTests(): Promise<void> {
    const folder = this.shown?.folder ?? (await chosenFolder());
    if (!folder || this.checked?.running) return;
    this.checked = { running: true, passed: false, text: "" };
    this.changes.fire();
    this.checked = await checkTests(folder);
    this.changes.fire();
  }

  /** After a reload of the window: show what was shown. */
  async restore(): Promise<void> {
    const shown = await this.memory.shown();
    await this.refresh();
    const folder = folders().find((one) => one.uri.fsPath === shown?.folder);
    if (shown && folder && !this.shown && !this.trouble) await this.reopen({ ...shown, folder });
  }

  /** Read the key's state and the earlier runs anew. */
  async refresh(): Promise<void> {
    const all = folders();
    const folder = this.shown?.folder ?? all[0];
    this.key = await this.keys.state(settings(folder?.uri).baseUrl);
    this.changes.fire();
    if (!folder) return;
    const turn = ++this.refreshes; // of several that overlap, the last one counts
    try {
      const agent = await this.agents.of(folder); // one program knows the runs of every folder
      const found = await Promise.all(all.map(async (one) => (await agent.list(one.uri.fsPath)).map((session) => earlierOf(one, session))));
      if (turn !== this.refreshes) return;
      this.earlier = found.flat().sort((a, b) => Date.parse(b.when) - Date.parse(a.when));
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
    const what = shown?.session === undefined ? undefined : { session: shown.session, folder: shown.folder.uri.fsPath, title: shown.run.title };
    await this.memory.show(what).catch((error: unknown) => this.log.warn(String(error)));
  }

  /** A turn to its end. `prepare` makes ready what `cancel` can still stop here; what it gives is the program's work. */
  private async turn(conversation: Conversation, prepare: (agent: Agent) => Promise<() => Promise<string>>): Promise<void> {
    conversation.starting ??= new AbortController();
    const { signal } = conversation.starting;
    this.changed();
    try {
      const work = await unless(signal, this.prepared(conversation, prepare, signal));
      conversation.starting = undefined;
      const ends = work();
      conversation.begun ||= conversation.running;
      const stop = await ends;
      conversation.run = ended(conversation.run, stop);
      conversation.begun = true;
    } catch (error) {
      if (signal.aborted) conversation.run = ended(conversation.run, "cancelled");
      else conversation.run = this.failed(conversation.run, error);
    }
    conversation.starting = undefined;
    conversation.refuse();
    conversation.agent = undefined;
    await this.release();
    await this.finish(conversation);
  }

  private async prepared<T>(conversation: Conversation, prepare: (agent: Agent) => Promise<T>, signal: AbortSignal): Promise<T> {
    const agent = await this.agents.of(conversation.folder);
    signal.throwIfAborted();
    conversation.agent = agent;
    return prepare(agent);
  }

  private failed(run: Run, error: unknown): Run {
    this.log.error(error instanceof AgentGone ? error.message : error instanceof Error ? error : String(error));
    const way = error instanceof AgentGone ? error.way : undefined;
    return ended(run, "failed", error instanceof Error ? error.message : String(error), way);
  }

  private async release(): Promise<void> {
    await this.agents.release((agent) => this.open.some((one) => one.agent === agent));
  }

  private async finish(conversation: Conversation): Promise<void> {
    const { told, stop } = conversation.run;
    if (told?.files.length && conversation.review?.told !== told) {
      conversation.review = new Review(told);
      conversation.review.restore(await this.memory.decisions(told.run));
    }
    if (this.shown === conversation) {
      await this.patches.show(conversation.review, conversation.folder.uri);
      if (stop !== "loaded" && conversation.review?.waiting.length) await this.patches.open(undefined, true);
    }
    this.changed();
    if (stop !== "loaded") this.wants.fire(conversation);
    await this.refresh();
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

  /** The open runs and the earlier ones. */
  private listed(several: boolean): Listed[] {
    const known = new Set(this.open.map((one) => one.session));
    const rest = this.earlier.filter((one) => !known.has(one.session));
    const all = [...this.open.map((one) => one.listed).reverse(), ...rest.map((one): Listed => ({ key: one.session, title: one.title, when: one.when, state: "", folder: one.folder.name }))];
    return several ? all : all.map((one) => ({ ...one, folder: "" }));
  }

  private changed(): void {
    void vscode.commands.executeCommand("setContext", "kimi.running", this.running);
    this.changes.fire();
  }
}

function earlierOf(folder: vscode.WorkspaceFolder, { sessionId, title, updatedAt }: SessionInfo): Earlier {
  return { session: sessionId, title: title ?? sessionId, when: updatedAt ?? "", folder };
}
