/** What the agent tells of a finished run in `_meta["kimi-mcp"]`; checked, because it comes over a wire. */

export interface ToldFile {
  readonly path: string;
  readonly status: "added" | "modified" | "deleted";
  /** Null where there is no file; absent where the file is no text or too large to be shown. */
  readonly before?: string | null;
  readonly after?: string | null;
  /** The bytes before and after, in base64, of a file that is no text. */
  readonly bytes?: readonly [string | null, string | null];
  readonly mode: number | null;
}

export interface Reproduction {
  readonly command: string;
  readonly before: boolean;
  readonly exit_code: number;
  readonly output: string;
}

export interface TestRun {
  readonly command: string;
  readonly before: boolean;
  readonly failed: readonly string[];
  readonly passed: number;
  readonly skipped: number;
  readonly errors: string;
}

export interface Evidence {
  readonly reproduced_before: boolean | null;
  readonly passes_after: boolean | null;
  readonly fixed: readonly string[];
  readonly broken: readonly string[];
  readonly failing: readonly string[];
  readonly passing: number;
  readonly problems: readonly string[];
  readonly touched: readonly { path: string; added: number; removed: number; test: boolean }[];
}

export interface Outcome {
  readonly status: string;
  readonly reason: string;
  readonly summary: string;
  readonly steps: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost: number;
  readonly seconds: number;
  readonly evidence: Evidence;
}

export interface Told {
  readonly run: string;
  readonly inPlace: boolean;
  readonly verified: boolean;
  readonly outcome: Outcome;
  readonly reproductions: readonly Reproduction[];
  readonly tests: readonly TestRun[];
  readonly files: readonly ToldFile[];
}

/** The told run in an update's `_meta`; undefined where there is none, or not one that we understand. */
export function toldIn(meta: unknown): Told | undefined {
  const told = record(record(meta)?.["kimi-mcp"]);
  const outcome = record(told?.outcome);
  const evidence = record(outcome?.evidence);
  const understood =
    typeof told?.run === "string" &&
    typeof outcome?.status === "string" &&
    typeof outcome.cost === "number" &&
    [told.files, told.tests, told.reproductions].every(Array.isArray) &&
    [evidence?.fixed, evidence?.broken, evidence?.failing, evidence?.problems, evidence?.touched].every(Array.isArray) &&
    (told.files as unknown[]).every((file) => safe(record(file)?.path));
  return understood ? (told as unknown as Told) : undefined;
}

/** The webview, for which this is checked too, has no `process`. */
const WINDOWS = (globalThis as { process?: { platform?: string } }).process?.platform === "win32";

/**
 * A path below the root, and nothing that leads out of it. On Windows a colon names a drive or a stream behind a file,
 * and some names are devices in every directory.
 */
export function safe(path: unknown, windows = WINDOWS): boolean {
  if (typeof path !== "string" || path === "" || /^([/\\]|[A-Za-z]:)/.test(path)) return false;
  const parts = path.split(/[/\\]/);
  if (parts.includes("..")) return false;
  return !windows || !parts.some((part) => part.includes(":") || /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(part) || /[. ]$/.test(part));
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}
