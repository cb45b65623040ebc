/** What the extension and its webview say to each other. */
import type { Decision } from "./hunks.js";
import type { Run } from "./run.js";

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
  readonly shown: boolean;
}

export interface Asking {
  readonly title: string;
  readonly detail: string;
  readonly options: readonly { id: string; name: string; kind: string }[];
}

export interface Earlier {
  readonly id: string;
  readonly title: string;
  readonly when: string;
}

export interface State {
  readonly folder: string;
  readonly key: "kept" | "missing" | "unneeded";
  readonly model: string;
  readonly mode: string;
  readonly run?: Run;
  readonly files: readonly ShownFile[];
  readonly asking?: Asking;
  readonly earlier: readonly Earlier[];
  /** The first lines of the last test run on the user's own files. */
  readonly checked?: { readonly running: boolean; readonly passed: boolean; readonly text: string };
}

export type ToWebview = { readonly type: "state"; readonly state: State } | { readonly type: "focus" };

export type FromWebview =
  | { readonly type: "ready" }
  | { readonly type: "fix"; readonly text: string }
  | { readonly type: "steer"; readonly text: string }
  | { readonly type: "command"; readonly command: ViewCommand }
  | { readonly type: "answer"; readonly option: string }
  | { readonly type: "open"; readonly path: string }
  | { readonly type: "diff"; readonly path: string }
  | { readonly type: "decide"; readonly path: string; readonly hunk?: number; readonly accept: boolean }
  | { readonly type: "load"; readonly id: string };

export const VIEW_COMMANDS = [
  "kimi.cancel", "kimi.setKey", "kimi.acceptAll", "kimi.rejectAll", "kimi.review", "kimi.evidence",
  "kimi.runTests", "kimi.newRun", "kimi.showLog", "kimi.walkthrough",
] as const;
export type ViewCommand = (typeof VIEW_COMMANDS)[number];
