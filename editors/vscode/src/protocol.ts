/** What the extension and its webview say to each other. */
import type { Decision } from "./hunks.js";
import type { Entry, Run } from "./run.js";

export interface ShownHunk {
  readonly line: number;
  readonly removed: readonly string[];
  readonly added: readonly string[];
  readonly decision: Decision;
}

export interface ShownFile {
  readonly path: string;
  readonly status: string;
  readonly decision: Decision;
  readonly hunks: readonly ShownHunk[];
  /** Whether there is text to show. */
  readonly shown: boolean;
  readonly binary: boolean;
}

export interface Asking {
  readonly title: string;
  readonly detail: string;
  /** The call that asks, and where it runs. */
  readonly call: string;
  readonly where: string;
  readonly options: readonly { id: string; name: string; kind: string }[];
}

/** One run in the list. `state`: what it does or waits for, empty for one that is not open. `folder`: its name, where there are several. */
export interface Listed {
  readonly key: string;
  readonly title: string;
  readonly when: string;
  readonly state: "running" | "asking" | "review" | "done" | "stopped" | "failed" | "";
  readonly folder: string;
}

/** What keeps the program from working, for the user; `way` is what helps. */
export interface Trouble {
  readonly text: string;
  readonly way: "install" | "log";
}

/** A run without its entries: those are sent apart, only what is new. */
export type ShownRun = Omit<Run, "entries"> & { readonly key: string; readonly doing: string; readonly spent: string; readonly stopped: boolean; readonly again: boolean; readonly place: string };

export interface State {
  readonly folder: string;
  readonly key: "kept" | "missing" | "unneeded";
  readonly model: string;
  readonly mode: string;
  readonly run?: ShownRun;
  readonly files: readonly ShownFile[];
  readonly asking?: Asking;
  readonly list: readonly Listed[];
  readonly trouble?: Trouble;
  /** The first lines of the last test run on the user's own files. */
  readonly checked?: { readonly running: boolean; readonly passed: boolean; readonly text: string };
}

/** What has changed in a run's entries since the last message; all of them, where it begins anew. */
export interface Delta {
  readonly anew: boolean;
  readonly gone: readonly string[];
  readonly changed: readonly Entry[];
}

export type ToWebview = { readonly type: "state"; readonly state: State; readonly delta: Delta } | { readonly type: "focus" };

export type FromWebview =
  | { readonly type: "ready" }
  | { readonly type: "fix"; readonly text: string }
  | { readonly type: "steer"; readonly text: string }
  | { readonly type: "command"; readonly command: ViewCommand }
  | { readonly type: "answer"; readonly option: string }
  | { readonly type: "open"; readonly path: string }
  | { readonly type: "diff"; readonly path: string }
  | { readonly type: "decide"; readonly path: string; readonly hunk?: number; readonly decision: Decision }
  | { readonly type: "show"; readonly key: string }
  | { readonly type: "delete"; readonly key: string };

export const VIEW_COMMANDS = [
  "kimi.cancel", "kimi.setKey", "kimi.acceptAll", "kimi.rejectAll", "kimi.review", "kimi.evidence",
  "kimi.runTests", "kimi.newRun", "kimi.goOn", "kimi.showLog", "kimi.walkthrough", "kimi.openSettings", "kimi.retry", "vscode.openFolder",
] as const;
export type ViewCommand = (typeof VIEW_COMMANDS)[number];
