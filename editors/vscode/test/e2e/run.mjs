// The extension in a real VS Code: its .vsix in code-server, the real `kimi-mcp acp`, the simulated endpoint, Chromium.
//   node test/e2e/run.mjs [FOLDER FOR SCREENSHOTS [STEP…]]        all steps of `steps/`, or those named
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { install, makeRepository, serve, writeSettings } from "./code.mjs";
import { cache, chromium, endAll, installAll, project, python, started } from "./machine.mjs";
import { Window } from "./window.mjs";

/** In this order: the first ones enter the key, and leave runs for the later ones. */
const STEPS = ["key", "issue", "starts", "leave", "files", "runs", "trouble", "stream", "looks", "unsaved", "outside", "undone", "hangs", "workspaces"];
const [shots = mkdtempSync(join(tmpdir(), "kimi-vscode-shots-")), ...chosen] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), "kimi-vscode-"));

async function main() {
  assert(chromium, "Chromium is not there; name it in CHROMIUM");
  mkdirSync(shots, { recursive: true });
  installAll();
  const repository = join(work, "shop");
  makeRepository(repository);
  const endpoint = await started(python, [join(import.meta.dirname, "endpoint.py"), join(work, "log.jsonl")], { env: { ...process.env, PYTHONPATH: project } }, /endpoint: (\S+)/);
  const settings = { "kimi.baseUrl": endpoint.match[1], "kimi.model": "kimi-k2.6" };
  writeSettings(join(work, "home"), settings);
  console.log("packaging, installing and starting");
  install(work);
  const url = await serve(work, "home", "--disable-workspace-trust");
  const { chromium: browserType } = createRequire(join(cache, "playwright-core/"))("playwright-core");
  const browser = await browserType.launch({ executablePath: chromium, args: ["--no-sandbox"] });
  const page = await browser.newPage({ viewport: { width: 1360, height: 860 } });
  page.setDefaultTimeout(90_000);
  const window = new Window(page, { url, work, repository, shots, settings });
  try {
    await window.open();
    for (const name of chosen.length ? ["key", ...chosen.filter((one) => one !== "key")] : STEPS) await step(name, window);
  } catch (error) {
    await window.shot("failed");
    throw error;
  } finally {
    await browser.close();
  }
}

async function step(name, window) {
  const from = performance.now();
  console.log(name);
  const { default: run } = await import(`./steps/${name}.mjs`);
  await run(window).catch((error) => {
    throw new Error(`in the step '${name}'`, { cause: error });
  });
  console.log(`  ${((performance.now() - from) / 1000).toFixed(1)} s`);
}

try {
  await main();
  console.log(`done; screenshots in ${shots}`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await endAll();
  if (!process.env.KEEP) rmSync(work, { recursive: true, force: true, maxRetries: 5, retryDelay: 300 });
}
