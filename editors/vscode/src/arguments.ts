/** The settings as the program's arguments. Knows no editor. */

export interface Settings {
  readonly command: readonly string[];
  readonly model: string;
  readonly baseUrl: string;
  readonly mode: string;
  readonly maxCost: number;
  readonly maxMinutes: number;
  readonly place: "copy" | "tree";
  readonly toolsets: string;
}

export interface Invocation {
  readonly program: string;
  readonly args: readonly string[];
}

function invoked(settings: Settings, args: readonly string[]): Invocation {
  const [program, ...first] = settings.command;
  return { program: program ?? "kimi-mcp", args: [...first, ...args] };
}

export function acp(settings: Settings): Invocation {
  return invoked(settings, [
    "acp",
    ...(settings.model ? ["--model", settings.model] : []),
    ...(settings.baseUrl ? ["--base-url", settings.baseUrl] : []),
    ...(settings.maxCost > 0 ? ["--max-cost", String(settings.maxCost)] : []),
    "--max-time",
    String(settings.maxMinutes),
  ]);
}

export function serve(settings: Settings, root: string): Invocation {
  return invoked(settings, ["serve", "--root", root, ...(settings.toolsets ? ["--toolsets", settings.toolsets] : [])]);
}

export function runTests(settings: Settings, root: string): Invocation {
  return invoked(settings, ["call", "--root", root, "run_tests"]);
}

/** Hosts on this machine need no key. */
export function needsKey(baseUrl: string): boolean {
  if (baseUrl === "ollama") return false;
  try {
    return !["127.0.0.1", "localhost", "[::1]"].includes(new URL(baseUrl).hostname);
  } catch {
    return true;
  }
}
