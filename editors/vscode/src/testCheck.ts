/** The project's tests on the user's own files, run by the workshop's own tool: no model, no key. */
import { execFile } from "node:child_process";
import type * as vscode from "vscode";
import { runTests } from "./arguments.js";
import type { State } from "./protocol.js";
import { settings } from "./settings.js";

const CHECKED_CHARS = 4_000;
const CHECK_MS = 15 * 60_000;

export type Checked = NonNullable<State["checked"]>;

export async function checkTests(folder: vscode.WorkspaceFolder): Promise<Checked> {
  const { program, args } = runTests(settings(folder.uri), folder.uri.fsPath);
  const options = { cwd: folder.uri.fsPath, timeout: CHECK_MS, maxBuffer: 16 * 1024 * 1024 };
  const text = await new Promise<string>((resolve) => {
    execFile(program, args, options, (error, out, err) => resolve(out || err || (error?.message ?? "")));
  });
  return { running: false, passed: text.startsWith("PASSED"), text: text.slice(0, CHECKED_CHARS) };
}
