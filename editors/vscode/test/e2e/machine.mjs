// What the run needs on the machine: code-server, playwright-core and vsce from npm in the user's cache directory, a
// free port, processes that are ended again. Chromium comes from the system (CHROMIUM names another).
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

export const extension = resolve(import.meta.dirname, "../..");
export const project = resolve(extension, "../..");
export const cache = process.env.KIMI_MCP_TEST_CLIENTS ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "kimi-mcp", "test-clients");
export const python = process.env.KIMI_MCP_PYTHON ?? join(project, ".venv", "bin", "python");
export const chromium = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

/** What is installed, and which version: code-server 4.139.1 is VS Code 1.139.1. */
const VERSIONS = { node: "24.21.0", "playwright-core": "1.65.1", "code-server": "4.139.1", "@vscode/vsce": "4.1.0" };
const nodePath = join(cache, "node/node_modules/node/bin");
const headers = join(cache, "node/node_modules/node/node_modules", `node-${process.platform}-${process.arch}`);

/** The environment in which npm's programs find Node 24: older ones get older versions, silently; and by what the npm that
 * started this says of its own Node, code-server refuses to be installed. */
export function environment() {
  const own = Object.entries(process.env).filter(([name]) => name !== "npm_config_user_agent");
  return { ...Object.fromEntries(own), PATH: `${nodePath}:${process.env.PATH}`, npm_config_nodedir: headers };
}

export function installAll() {
  for (const [name, version] of Object.entries(VERSIONS)) {
    const folder = join(cache, name.replace("@vscode/", ""));
    const there = join(folder, "node_modules", name, "package.json");
    if (existsSync(there) && JSON.parse(readFileSync(there, "utf8")).version === version) continue;
    console.log(`installing ${name} ${version} into ${folder}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), '{"private": true}');
    try {
      execFileSync("npm", ["install", "--no-fund", "--no-audit", "--loglevel=error", `${name}@${version}`], { cwd: folder, env: environment(), stdio: "inherit" });
    } catch {
      throw new Error(`${name} could not be installed; npm says above why${name === "code-server" ? " (it is compiled with a C++ compiler, libkrb5-dev, libsecret-1-dev, libx11-dev and libxkbfile-dev)" : ""}.`);
    }
  }
}

/** One of npm's programs among them. */
export const program = (folder, name) => join(cache, folder, "node_modules/.bin", name);

export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

const children = [];

/** Start a program and wait until a line of it matches; gives the match and the process. */
export function started(command, args, options, ready) {
  const child = spawn(command, args, { stdio: "pipe", detached: true, ...options });
  children.push(child);
  return new Promise((done, failed) => {
    let said = "";
    const heard = (data) => {
      said = (said + data).slice(-20_000);
      const match = ready.exec(said);
      if (match) done({ match, child });
    };
    child.stdout.on("data", heard);
    child.stderr.on("data", heard);
    child.on("error", failed);
    child.on("exit", (code) => failed(new Error(`${command} ended with ${code}: ${said.slice(-2000)}`)));
  });
}

export function end(child, signal = "SIGTERM") {
  if (child.exitCode !== null || child.signalCode !== null) return; // by now its number may be a stranger's
  try {
    process.kill(-child.pid, signal);
  } catch {
    // it has ended
  }
}

/** End all that were started, and wait for them: what still writes into its folders keeps them from being deleted. */
export async function endAll() {
  await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? new Promise((done) => {
    const late = setTimeout(end, 10_000, child, "SIGKILL");
    child.once("exit", () => { clearTimeout(late); done(); });
    end(child);
  })));
}
