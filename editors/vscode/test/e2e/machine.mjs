// What the run needs on the machine: code-server and playwright-core from npm in the user's cache directory, a free
// port, processes that are ended again. Chromium comes from the system (CHROMIUM names another).
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

export const extension = resolve(import.meta.dirname, "../..");
export const project = resolve(extension, "../..");
export const cache = process.env.KIMI_MCP_TEST_CLIENTS ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "kimi-mcp", "test-clients");
export const python = process.env.KIMI_MCP_PYTHON ?? join(project, ".venv", "bin", "python");
export const chromium = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

const headers = join(cache, "node/node_modules/node/node_modules", `node-${process.platform}-${process.arch}`);
const nodePath = join(cache, "node/node_modules/node/bin");

/** The environment in which npm's programs find Node 24: older ones get older versions, silently. */
export const environment = () => ({ ...process.env, PATH: `${nodePath}:${process.env.PATH}`, npm_config_nodedir: headers });

export function install(name, spec = name) {
  const folder = join(cache, name);
  if (existsSync(join(folder, "node_modules"))) return folder;
  console.log(`installing ${spec} into ${folder}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"private": true}');
  execFileSync("npm", ["install", "--no-fund", "--no-audit", "--loglevel=error", spec], { cwd: folder, env: environment(), stdio: "inherit" });
  return folder;
}

export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

const children = [];

/** Start a program and wait until a line of it matches; gives the match. */
export function started(program, args, options, ready) {
  const child = spawn(program, args, { stdio: "pipe", detached: true, ...options });
  children.push(child);
  return new Promise((done, failed) => {
    let said = "";
    const heard = (data) => {
      said += data;
      const match = ready.exec(said);
      if (match) done(match);
    };
    child.stdout.on("data", heard);
    child.stderr.on("data", heard);
    child.on("error", failed);
    child.on("exit", (code) => failed(new Error(`${program} ended with ${code}: ${said.slice(-2000)}`)));
  });
}

export function endAll() {
  for (const child of children) {
    try {
      process.kill(-child.pid, "SIGTERM");
    } catch {
      // it has ended
    }
  }
}
