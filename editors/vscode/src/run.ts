/** The state of one run as it is shown, and how each ACP update changes it. Knows no editor. */
import type { SessionUpdate } from "@agentclientprotocol/sdk";
import { type Told, toldIn } from "./told.js";

/** `loading`: its past is told again. */
export type Phase = "loading" | "running" | "done";

export interface Said {
  readonly kind: "thought" | "message" | "user";
  readonly id: string;
  readonly text: string;
  /** Of the message that it is a piece of, where the agent tells. */
  readonly message?: string;
}

export interface Called {
  readonly kind: "call";
  readonly id: string;
  readonly title: string;
  readonly tool: string;
  readonly status: "pending" | "in_progress" | "completed" | "failed";
  readonly output: string;
  readonly path?: string;
  readonly added?: number;
  readonly removed?: number;
}

export type Entry = Said | Called;

export interface PlanItem {
  readonly text: string;
  readonly status: "pending" | "in_progress" | "completed";
}

export interface Run {
  readonly title: string;
  readonly phase: Phase;
  readonly entries: readonly Entry[];
  readonly plan: readonly PlanItem[];
  /** Tokens of the last request and its answer, and the model's window. */
  readonly used: number;
  readonly window: number;
  /** Tokens of all answers. */
  readonly tokens: number;
  /** In US dollars; absent where no price is known. */
  readonly cost?: number;
  readonly told?: Told;
  readonly stop?: string;
  readonly trouble?: string;
  /** What helps against the trouble. */
  readonly way?: "install" | "log";
}

/** Of one text or output, what is kept: the end. */
export const TEXT_CHARS = 20_000;
/** Entries that are kept: the newest. */
export const ENTRIES = 500;

export function begun(title: string, phase: Phase = "running"): Run {
  return { title, phase, entries: [], plan: [], used: 0, window: 0, tokens: 0 };
}

/** The run after an update. Returns the same run where the update says nothing that is shown. */
export function reduce(run: Run, update: SessionUpdate): Run {
  switch (update.sessionUpdate) {
    case "user_message_chunk":
      return said(run, "user", update);
    case "agent_message_chunk":
      return said(run, "message", update);
    case "agent_thought_chunk":
      return said(run, "thought", update);
    case "plan":
      return { ...run, plan: update.entries.map((entry) => ({ text: entry.content, status: entry.status })) };
    case "usage_update":
      return used(run, update);
    case "tool_call":
    case "tool_call_update":
      return called(run, update);
    case "session_info_update": {
      const told = toldIn(update._meta);
      if (!told) return run;
      const { prompt_tokens: prompt, completion_tokens: made, cost } = told.outcome;
      return { ...run, told, tokens: prompt + made || run.tokens, ...(run.cost === undefined ? {} : { cost }) };
    }
    default:
      return run;
  }
}

/** The run when its turn has ended. What was still open did not end well; why it ended is said once. */
export function ended(run: Run, stop: string, trouble?: string, way?: Run["way"]): Run {
  const last = run.entries.at(-1);
  const reason = run.told?.outcome.reason;
  const repeats = last?.kind === "message" && reason !== undefined && reason !== "" && last.text.trim() === reason.trim();
  const entries = (repeats ? run.entries.slice(0, -1) : run.entries).map((entry) =>
    entry.kind === "call" && (entry.status === "pending" || entry.status === "in_progress")
      ? { ...entry, status: "failed" as const }
      : entry,
  );
  return { ...run, phase: "done", entries, stop, ...(trouble === undefined ? {} : { trouble }), ...(way === undefined ? {} : { way }) };
}

/** How a run that has ended stands, and in words. `interrupted`: it can go on. */
export function standing({ told, trouble, stop }: Pick<Run, "told" | "trouble" | "stop">, interrupted: boolean): ["good" | "warn" | "stopped" | "bad" | "", string] {
  if (trouble !== undefined) return ["bad", "Failed"];
  const status = told?.outcome.status;
  if (status === "submitted") return told?.verified ? ["good", "Fixed, and measured"] : ["warn", "Submitted, not verified"];
  if (status === "cancelled" || stop === "cancelled") return ["stopped", "Cancelled"];
  if (status === "limit") return ["stopped", "Stopped at its limit"];
  if (status === "stuck") return ["stopped", "Stuck"];
  if (status === "model_failed" || status === "crashed") return ["bad", "Failed"];
  return interrupted ? ["stopped", "Interrupted"] : ["", "Answered"];
}

/** What the run does now, in a few words. */
export function doing(run: Run): string {
  const last = run.entries.at(-1);
  if (!last) return "Starting";
  if (last.kind === "call") return last.title;
  return last.kind === "thought" ? "Thinking" : "Answering";
}

function used(run: Run, update: Extract<SessionUpdate, { sessionUpdate: "usage_update" }>): Run {
  const meta = update._meta?.["kimi-mcp"];
  const tokens = meta !== null && typeof meta === "object" && "tokens" in meta ? Number(meta.tokens) || 0 : 0;
  const { cost: before, ...rest } = run;
  const cost = update.cost?.amount;
  return { ...rest, used: update.used, window: update.size, tokens: Math.max(tokens, run.tokens), ...(cost === undefined ? {} : { cost }) };
}

/** What it has used, in a few words: its cost where it has a price, and its tokens. */
export function spent(run: Run): string {
  const { cost = 0, tokens } = run;
  const price = cost > 0 ? `$${cost.toFixed(cost < 0.1 ? 4 : 2)}` : "";
  const count = tokens >= 999_500 ? `${(tokens / 1e6).toFixed(1)}M` : tokens >= 10_000 ? `${Math.round(tokens / 1000)}k` : tokens >= 1000 ? `${(tokens / 1000).toFixed(1)}k` : String(tokens);
  return [price, tokens > 0 ? `${count} tokens` : ""].filter(Boolean).join(" · ");
}

type Chunk = Pick<Extract<SessionUpdate, { sessionUpdate: "agent_message_chunk" }>, "content" | "messageId">;

function said(run: Run, kind: Said["kind"], { content, messageId }: Chunk): Run {
  if (content.type !== "text" || content.text === "") return run;
  const last = run.entries.at(-1);
  if (last?.kind === kind && kind !== "user" && last.message === (messageId ?? undefined)) {
    const joined = { ...last, text: (last.text + content.text).slice(-TEXT_CHARS) };
    return { ...run, entries: [...run.entries.slice(0, -1), joined] };
  }
  if (content.text.trim() === "") return run;
  return add(run, { kind, id: `${kind}.${nextNumber(run)}`, text: content.text.trimStart().slice(-TEXT_CHARS), ...(messageId ? { message: messageId } : {}) });
}

type Call = Extract<SessionUpdate, { sessionUpdate: "tool_call" | "tool_call_update" }>;

function called(run: Run, update: Call): Run {
  const id = update.toolCallId;
  const found = run.entries.findLastIndex((entry) => entry.kind === "call" && entry.id === id);
  const before = run.entries[found];
  const old: Called =
    before?.kind === "call" ? before : { kind: "call", id, title: id, tool: "other", status: "pending", output: "" };
  const path = update.locations?.[0]?.path ?? old.path;
  const made: Called = {
    ...old,
    title: update.title ?? old.title,
    tool: update.kind ?? old.tool,
    status: update.status ?? old.status,
    ...(path === undefined ? {} : { path }),
    ...shown(update),
  };
  if (found < 0) return update.title ? add(run, made) : run;
  return { ...run, entries: run.entries.with(found, made) };
}

function shown(update: Call): Partial<Called> {
  let made: Partial<Called> = {};
  const texts: string[] = [];
  for (const content of update.content ?? []) {
    if (content.type === "content" && content.content.type === "text") texts.push(content.content.text);
    if (content.type === "diff") {
      const count = (text: string) => text.split("\n").length;
      const [old, now] = trimmed(content.oldText ?? "", content.newText);
      made = { ...made, path: content.path, added: now === "" ? 0 : count(now), removed: old === "" ? 0 : count(old) };
    }
  }
  return texts.length ? { ...made, output: texts.join("\n").slice(-TEXT_CHARS) } : made;
}

/** Two texts without the lines that they share at both ends. */
function trimmed(before: string, after: string): [string, string] {
  const old = before.split("\n");
  const now = after.split("\n");
  while (old.length && now.length && old[0] === now[0]) {
    old.shift();
    now.shift();
  }
  while (old.length && now.length && old.at(-1) === now.at(-1)) {
    old.pop();
    now.pop();
  }
  return [old.join("\n"), now.join("\n")];
}

function add(run: Run, entry: Entry): Run {
  return { ...run, entries: [...run.entries, entry].slice(-ENTRIES) };
}

function nextNumber(run: Run): number {
  const last = run.entries.findLast((entry) => entry.kind !== "call");
  return last ? Number(last.id.split(".").at(-1)) + 1 : 0;
}
