/** One `kimi-mcp acp` process and the conversation with it. Knows no editor. */
import { type ChildProcess, spawn } from "node:child_process";
import { Readable, Writable } from "node:stream";
import {
  type ClientConnection,
  type InitializeResponse,
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
import { within } from "./limits.js";

/** Our one extension of the protocol: words for a turn that is under way. */
const STEER = "_kimi-mcp/steer";
/** The oldest program that says what this extension shows. */
export const OLDEST = "0.1.0";
const MESSAGE_BYTES = 64 * 1024 * 1024;
const GRACE_MS = 6_000;

/** How long the program may take, in milliseconds: for an answer (a turn's excepted), and to stop a turn. */
export interface Patience {
  readonly answer: number;
  readonly stop: number;
}
const PATIENCE: Patience = { answer: 60_000, stop: 30_000 };

export interface Listener {
  updated(session: string, update: SessionUpdate): void;
  asked(request: RequestPermissionRequest): Promise<RequestPermissionResponse>;
  /** The text of a file as the user sees it, unsaved changes included. Rejects where there is none. */
  read(path: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
  logged(text: string): void;
}

export interface Chosen {
  readonly mode: string;
  readonly place: "copy" | "tree";
}

/** The program could not be started or has gone; the message is for the user. `way`: what helps. */
export class AgentGone extends Error {
  constructor(
    message: string,
    readonly way: "install" | "log",
  ) {
    super(message);
  }
}

export class Agent {
  /** The turns under way, by session. */
  private readonly turns = new Map<string, Promise<unknown>>();
  private deaf = false;
  /** Why we have ended it ourselves. */
  private verdict = "";

  private constructor(
    private readonly process: ChildProcess,
    private readonly connection: ClientConnection,
    private readonly gone: Promise<never>,
    private readonly patience: Patience,
  ) {}

  /** Start the program; one that does not answer in time is ended. Throws `AgentGone` with the way out. */
  static async start(
    invocation: Invocation,
    folder: string,
    environment: NodeJS.ProcessEnv,
    listener: Listener,
    patience = PATIENCE,
  ): Promise<Agent> {
    const process = spawn(invocation.program, invocation.args, { cwd: folder, env: environment, stdio: "pipe" });
    let tail = "";
    process.stderr.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-2_000);
      listener.logged(text);
    });
    process.stdin.on("error", () => undefined); // it has gone; `gone` says so
    let started = false;
    const gone = new Promise<never>((_, reject) => {
      process.on("error", (error: NodeJS.ErrnoException) => {
        const why = error.code === "ENOENT" ? "is not there: install it, or say where it is in the setting kimi.command" : `could not be started: ${error.message}`;
        reject(new AgentGone(`The program '${invocation.program}' ${why}.`, "install"));
      });
      process.on("close", (code, signal) => {
        const why = tail.trim().split("\n").at(-1)?.trim() ?? "";
        const ended = agent.verdict || `${signal ?? `exit code ${code ?? "unknown"}`}${why ? `: ${why}` : ""}`;
        if (started) reject(new AgentGone(`kimi-mcp has ended (${ended}). What it had done is kept.`, "log"));
        else reject(new AgentGone(`'${invocation.program}' ended at its start (${ended}). It may be older than kimi-mcp ${OLDEST}, or something else.`, "install"));
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
      .onRequest(methods.client.fs.readTextFile, async ({ params }) => ({ content: lines(await listener.read(params.path), params.line, params.limit) }))
      .onRequest(methods.client.fs.writeTextFile, async ({ params }) => {
        await listener.write(params.path, params.content);
        return {};
      })
      .connect(stream);
    const agent = new Agent(process, connection, gone, patience);
    const clientCapabilities = { fs: { readTextFile: true, writeTextFile: true } };
    const asked: Promise<InitializeResponse> = connection.agent.request(methods.agent.initialize, { protocolVersion: PROTOCOL_VERSION, clientCapabilities });
    const late = () => new AgentGone(`'${invocation.program}' did not answer within ${patience.answer / 1000} s and was ended; what it said is in the log.`, "log");
    const answer = within(patience.answer, agent.until(asked), late);
    answer.catch(() => process.kill("SIGKILL")); // nothing has begun: there is nothing to be polite for
    const { agentInfo } = await answer;
    if (agentInfo?.name !== "kimi-mcp" || older(agentInfo.version, OLDEST)) {
      agent.stop();
      throw new AgentGone(`'${invocation.program}' is ${agentInfo ? `${agentInfo.name} ${agentInfo.version}` : "another agent"}; this extension needs kimi-mcp ${OLDEST} or later.`, "install");
    }
    started = true;
    return agent;
  }

  /** Whether it can be given something to do: it is there, and has answered what it was asked. */
  get alive(): boolean {
    return !this.deaf && this.process.exitCode === null && this.process.signalCode === null && !this.connection.signal.aborted;
  }

  /** A new session in a folder, set as the user wishes. */
  async open(folder: string, chosen: Chosen): Promise<string> {
    const { sessionId } = await this.answered("a new session", this.connection.agent.request(methods.agent.session.new, { cwd: folder, mcpServers: [] }));
    for (const [configId, value] of Object.entries({ thinking: chosen.mode, place: chosen.place }))
      await this.answered(`the session's ${configId}`, this.connection.agent.request(methods.agent.session.setConfigOption, { sessionId, configId, value }));
    return sessionId;
  }

  /** One turn to its end; says why it ended. `open`: the paths of files with unsaved changes. */
  async prompt(sessionId: string, text: string, open: readonly string[] = []): Promise<string> {
    const _meta = { "kimi-mcp": { open } };
    const turn = this.until(this.connection.agent.request(methods.agent.session.prompt, { sessionId, prompt: [{ type: "text", text }], _meta }));
    this.turns.set(sessionId, turn);
    return (await turn.finally(() => this.turns.delete(sessionId))).stopReason;
  }

  /** Have a turn stopped. A program that does not stop it in time is ended, with all that it does. */
  async cancel(sessionId: string): Promise<void> {
    const turn = this.turns.get(sessionId);
    await this.connection.agent.notify(methods.agent.session.cancel, { sessionId });
    const late = new Error(`it did not stop within ${this.patience.stop / 1000} s`);
    if (turn) await within(this.patience.stop, turn, () => late).catch((error: unknown) => error === late && this.kill(late.message));
  }

  async steer(sessionId: string, text: string): Promise<void> {
    await this.answered("the words for it", this.connection.agent.request(STEER, { sessionId, text }));
  }

  async list(folder: string): Promise<ListSessionsResponse["sessions"]> {
    return (await this.answered("the list of runs", this.connection.agent.request(methods.agent.session.list, { cwd: folder }))).sessions;
  }

  /** Delete a session with its runs, for good. */
  async delete(sessionId: string): Promise<void> {
    await this.answered("the deletion", this.connection.agent.request(methods.agent.session.delete, { sessionId }));
  }

  /** Tell an earlier session's history again, as updates. */
  async load(folder: string, sessionId: string): Promise<void> {
    await this.answered("the run's history", this.connection.agent.request(methods.agent.session.load, { sessionId, cwd: folder, mcpServers: [] }));
  }

  /** End the program: politely by the end of its input, then not. */
  stop(): void {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.stdin?.end();
    for (const [signal, after] of [["SIGTERM", GRACE_MS], ["SIGKILL", 2 * GRACE_MS]] as const) {
      const timer = setTimeout(() => this.process.kill(signal), after);
      this.process.once("exit", () => clearTimeout(timer));
      timer.unref();
    }
  }

  private kill(verdict: string): void {
    this.verdict = verdict;
    this.process.kill("SIGKILL");
  }

  /** As `until`, for what is answered at once: a program that is not heard in time gets nothing more to do. */
  private answered<T>(what: string, work: Promise<T>): Promise<T> {
    return within(this.patience.answer, this.until(work), () => {
      this.deaf = true;
      return new AgentGone(`kimi-mcp hangs: asked for ${what}, it has not answered within ${this.patience.answer / 1000} s. Try again: that starts another one.`, "log");
    });
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

/** Whether a version is older than another; only its numbers count. */
export function older(version: string, than: string): boolean {
  const numbers = (text: string) => text.split(/[.+-]/).slice(0, 3).map((part) => Number.parseInt(part, 10) || 0);
  const [have, need] = [numbers(version), numbers(than)];
  const differs = need.findIndex((number, index) => number !== (have[index] ?? 0));
  return differs >= 0 && (have[differs] ?? 0) < (need[differs] ?? 0);
}

/** Of a text, `limit` lines from `line` (from 1); all where none are named. */
function lines(text: string, line?: number | null, limit?: number | null): string {
  if (line == null && limit == null) return text;
  const from = Math.max(0, (line ?? 1) - 1);
  return text.split(/(?<=\n)/).slice(from, limit == null ? undefined : from + limit).join("");
}
