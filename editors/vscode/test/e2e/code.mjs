// A VS Code with our extension in it: code-server, its settings, the repository that it shows.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { environment, extension, freePort, program, project, python, started } from "./machine.mjs";

const QUIET = {
  "telemetry.telemetryLevel": "off", "workbench.startupEditor": "none", "security.workspace.trust.enabled": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden", "git.openRepositoryInParentFolders": "never",
  "workbench.colorTheme": "Default Dark Modern", "files.autoSave": "off", "chat.tools.global.autoApprove": true, "workbench.tips.enabled": false,
};

/** A sample repository under git, from `repository/`. */
export function makeRepository(folder) {
  cpSync(join(import.meta.dirname, "repository"), folder, { recursive: true });
  const git = (...args) => execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.org", ...args], { cwd: folder });
  git("init", "-q", "-b", "main");
  git("add", ".");
  git("commit", "-q", "-m", "A shop");
}

/** The settings of this VS Code; the file is read again by it when it changes. */
export function writeSettings(home, changes = {}) {
  for (const name of ["User", "Machine"]) { // settings of scope `machine` are read from the latter
    mkdirSync(join(home, name), { recursive: true });
    writeFileSync(join(home, name, "settings.json"), JSON.stringify({ ...QUIET, "kimi.command": [python, "-m", "kimi_mcp"], ...changes }));
  }
}

/** Package and install the extension, and one that has tests to show, into a directory of this run. */
export function install(work) {
  const vsix = join(work, "kimi-mcp.vsix");
  for (const [folder, file] of [[extension, vsix], [join(import.meta.dirname, "testing"), join(work, "testing.vsix")]]) {
    const pack = ["package", "--no-dependencies", "--allow-missing-repository", "--no-rewrite-relative-links", "--skip-license", "-o", file];
    execFileSync(program("vsce", "vsce"), pack, { cwd: folder, env: environment(), stdio: ["ignore", "ignore", "inherit"] });
    execFileSync(bin, [...folders(work, "home"), "--install-extension", file], { env: environmentOf(work, "home"), stdio: ["ignore", "ignore", "inherit"] });
  }
}

/** Start a server with what is installed, and with the settings below `home`. Gives the address. */
export async function serve(work, home, ...options) {
  const port = await freePort();
  const quiet = ["--auth", "none", "--disable-telemetry", "--disable-update-check"];
  await started(bin, [...folders(work, home), ...quiet, ...options, "--bind-addr", `127.0.0.1:${port}`], { env: environmentOf(work, home) }, /HTTP server listening/);
  return `http://127.0.0.1:${port}/`;
}

const bin = program("code-server", "code-server");
const folders = (work, home) => ["--user-data-dir", join(work, home), "--extensions-dir", join(work, "extensions")];

function environmentOf(work, home) {
  const env = { ...environment(), HOME: join(work, home), KIMI_MCP_STATE: join(work, "state"), KIMI_MCP_CONFIG: join(work, "none.toml"), PYTHONPATH: project };
  for (const name of Object.keys(env)) if (/API_KEY/.test(name)) delete env[name];
  return env;
}
