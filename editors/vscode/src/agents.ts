/** The programs at work: one for each folder, started when it is needed, renewed when settings have changed. */
import * as vscode from "vscode";
import { Agent, type Listener } from "./agent.js";
import { acp } from "./arguments.js";
import * as buffers from "./buffers.js";
import type { Key } from "./key.js";
import { settings } from "./settings.js";

export class Agents implements vscode.Disposable {
  private readonly started = new Map<vscode.WorkspaceFolder, Promise<Agent>>();
  private old: Promise<Agent>[] = [];

  constructor(
    private readonly keys: Key,
    private readonly log: vscode.LogOutputChannel,
    private readonly ear: Pick<Listener, "updated" | "asked">,
  ) {}

  dispose(): void {
    for (const agent of [...this.started.values(), ...this.old]) void stop(agent);
  }

  /** The agent of a folder. Throws `AgentGone` where it cannot be started. */
  async of(folder: vscode.WorkspaceFolder): Promise<Agent> {
    const known = this.started.get(folder);
    const agent = await known?.catch(() => undefined);
    if (this.started.get(folder) !== known) return this.of(folder); // renewed meanwhile
    if (agent?.alive) return agent;
    if (known && agent) this.old.push(known); // it may hang: it is ended when nobody uses it any more
    const made = this.start(folder);
    this.started.set(folder, made);
    return made;
  }

  /** Whoever asks next gets a new process. Those in use go on until they are released. */
  renew(): void {
    this.old.push(...this.started.values());
    this.started.clear();
  }

  /** End the old processes that nobody uses any more. */
  async release(used: (agent: Agent | undefined) => boolean): Promise<void> {
    const old = this.old;
    this.old = [];
    for (const one of old) {
      const agent = await one.catch(() => undefined);
      if (used(agent)) this.old.push(one);
      else agent?.stop();
    }
  }

  private async start(folder: vscode.WorkspaceFolder): Promise<Agent> {
    const root = folder.uri.fsPath;
    const invocation = acp(settings(folder.uri));
    this.log.info(`${invocation.program} ${invocation.args.join(" ")}`);
    return Agent.start(invocation, root, await this.keys.environment(), { ...this.ear, read: buffers.read, write: buffers.write, logged: (text) => this.log.info(text.trimEnd()) });
  }
}

async function stop(agent: Promise<Agent>): Promise<void> {
  await agent.then((one) => one.stop()).catch(() => undefined);
}
