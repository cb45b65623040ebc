/** The API key: in VS Code's secret storage, and from there only into the child's environment. */
import * as vscode from "vscode";
import { needsKey } from "./arguments.js";
import type { State } from "./protocol.js";

const NAME = "kimi.apiKey";
const VARIABLES = ["KIMI_MCP_API_KEY", "MOONSHOT_API_KEY", "KIMI_API_KEY", "OPENROUTER_API_KEY"];

export class Key {
  constructor(private readonly secrets: vscode.SecretStorage) {}

  /** The environment of the program: ours, and the key where one is kept. */
  async environment(): Promise<NodeJS.ProcessEnv> {
    const key = await this.secrets.get(NAME);
    return key ? { ...process.env, KIMI_MCP_API_KEY: key } : process.env;
  }

  async state(baseUrl: string): Promise<State["key"]> {
    if (!needsKey(baseUrl)) return "unneeded";
    const kept = VARIABLES.some((name) => process.env[name]) || (await this.secrets.get(NAME));
    return kept ? "kept" : "missing";
  }

  /** Ask for it. Returns whether one was given. */
  async ask(): Promise<boolean> {
    const key = await vscode.window.showInputBox({
      title: "API key for Kimi",
      prompt: "From platform.moonshot.ai, openrouter.ai or kimi.com; kept in VS Code's secret storage, and given only to kimi-mcp. It is sent to the host in the setting kimi.baseUrl.",
      password: true,
      ignoreFocusOut: true,
      validateInput: (value) => (/^\S*$/.test(value.trim()) ? undefined : "A key has no spaces."),
    });
    if (!key?.trim()) return false;
    await this.secrets.store(NAME, key.trim());
    return true;
  }

  async forget(): Promise<void> {
    await this.secrets.delete(NAME);
  }
}
