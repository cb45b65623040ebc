/** One `kimi-mcp acp` process and the conversation with it. Knows no editor. */
import { type ChildProcess, spawn } from "node:child_process";
import { Readable, Writable } from "node:stream";
import {
  type ClientConnection,
  type ListSessionsResponse,
  type RequestPermissionRequest,
  type RequestPermissionResponse,
  type SessionUpdate,
  PROTOCOL_VERSION,
  client,
  methods,
  ndJsonStream,
} from "@agentclientprotocol/sdk";
import type { Invocation } from "./arguments.js";

/** Our one extension of the protocol: words for a turn that is under way. */
const STEER = "_kimi-mcp/steer";
const MESSAGE_BYTES = 64 * 1024 * 1024;
const GRACE_MS = 6_000;

export interface Listener {
  updated(session: string, update: SessionUpdate): void;
  asked(request: RequestPermissionRequest): Promise<RequestPermissionResponse>;
  logged(text: string): void;
}

export interface Chosen {
  readonly mode: string;
  readonly place: "copy" | "tree";
}

/** The program could not be started or has gone; the message is for the user. */
export class AgentGone extends Error {}

export class Agent {
  private constructor(
    private readonly process: ChildProcess,
    private readonly connection: ClientConnection,
    private readonly gone: Promise<never>,
  ) {}

  /** Start the program. Throws `AgentGone` with the way out when that fails. */
  static async start(
    invocation: Invocation,
    folder: string,
    environment: NodeJS.ProcessEnv,
    listener: Listener,
  ): Promise<Agent> {
    const process = spawn(invocation.program, invocation.args, { cwd: folder, env: environment, stdio: "pipe" });
    let tail = "";
    process.stderr.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-2_000);
      listener.logged(text);
    });
    process.stdin.on("error", () => undefined); // it has gone; `gone` says so
    const gone = new Promise<never>((_, reject) => {
      process.on("error", (error: NodeJS.ErrnoException) => {
        const why = error.code === "ENOENT" ? "is not there: install it, or say where it is in the setting kimi.command" : `could not be started: ${error.message}`;
        reject(new AgentGone(`The program '${invocation.program}' ${why}.`));
      });
      process.on("close", (code, signal) => {
        const why = tail.trim().split("\n").at(-1) ?? "";
        reject(new AgentGone(`kimi-mcp ended (${signal ?? `exit code ${code ?? "unknown"}`}). ${why}`.trim()));
      });
    });
    gone.catch(() => undefined);
    const stream = ndJsonStream(
      Writable.toWeb(process.stdin),
      Readable.toWeb(process.stdout),
      { maxMessageBytes: MESSAGE_BYTES },
    );
    const connection = client({ name: "kimi-vscode" })
      .onNotification(methods.client.session.update, ({ params }) => {
        listener.updated(params.sessionId, params.update);
      })
      .onRequest(methods.client.session.requestPermission, ({ params }) => listener.asked(params))
      .connect(stream);
    const agent = new Agent(process, connection, gone);
    await agent.until(connection.agent.request(methods.agent.initialize, { protocolVersion: PROTOCOL_VERSION, clientCapabilities: {} }));
    return agent;
  }

  get alive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null && !this.connection.signal.aborted;
  }

  /** A new session in a folder, set as the user wishes. */
  async open(folder: string, chosen: Chosen): Promise<string> {
    const { sessionId } = await this.until(this.connection.agent.request(methods.agent.session.new, { cwd: folder, mcpServers: [] }));
    for (const [configId, value] of Object.entries({ thinking: chosen.mode, place: chosen.place }))
      await this.until(this.connection.agent.request(methods.agent.session.setConfigOption, { sessionId, configId, value }));
    return sessionId;
  }

  /** One turn to its end; says why it ended. */
  async prompt(sessionId: string, text: string): Promise<string> {
    const answer = await this.until(
      this.connection.agent.request(methods.agent.session.prompt, { sessionId, prompt: [{ type: "text", text }] }),
    );
    return answer.stopReason;
  }

  async cancel(sessionId: string): Promise<void> {
    await this.connection.agent.notify(methods.agent.session.cancel, { sessionId });
  }

  async steer(sessionId: string, text: string): Promise<void> {
    await this.until(this.connection.agent.request(STEER, { sessionId, text }));
  }

  async list(folder: string): Promise<ListSessionsResponse["sessions"]> {
    return (await this.until(this.connection.agent.request(methods.agent.session.list, { cwd: folder }))).sessions;
  }

  /** Tell an earlier session's history again, as updates. */
  async load(folder: string, sessionId: string): Promise<void> {
    await this.until(this.connection.agent.request(methods.agent.session.load, { sessionId, cwd: folder, mcpServers: [] }));
  }

  /** End the program: politely by the end of its input, then not. */
  stop(): void {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.stdin?.end();
    const timer = setTimeout(() => this.process.kill(), GRACE_MS);
    this.process.once("exit", () => clearTimeout(timer));
    timer.unref();
  }

  /** The work's result; where the connection broke, why the program has gone. */
  private async until<T>(work: Promise<T>): Promise<T> {
    try {
      return await Promise.race([work, this.gone]);
    } catch (error) {
      if (!this.connection.signal.aborted) throw error;
      this.stop();
      return this.gone;
    }
  }
}
