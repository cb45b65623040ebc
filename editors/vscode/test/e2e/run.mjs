// A whole issue fixed from inside VS Code: typed, watched, reviewed, accepted, tests green. The real extension from
// its .vsix in code-server, the real `kimi-mcp acp`, the simulated endpoint, Chromium.
//   node test/e2e/run.mjs [FOLDER FOR SCREENSHOTS]
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cache, chromium, endAll, environment, extension, freePort, install, project, python, started } from "./machine.mjs";

const shots = process.argv[2] ?? mkdtempSync(join(tmpdir(), "kimi-vscode-shots-"));
const work = mkdtempSync(join(tmpdir(), "kimi-vscode-"));
const home = join(work, "home");
const repository = join(work, "shop");
const ISSUE = "Shipping is charged for an order of exactly 50.00\n\nThe page says free shipping from 50.00 on, but shipping(5000) returns 490.";
assert(chromium, "Chromium is not there; name it in CHROMIUM");
mkdirSync(shots, { recursive: true });
for (const [name, spec] of [["node", "node@24"], ["playwright-core"], ["code-server"]]) install(name, spec);
const { chromium: browserType } = createRequire(join(cache, "playwright-core/"))("playwright-core");

let step = "";
const doing = (text) => console.log(`${new Date().toISOString().slice(11, 19)} ${(step = text)}`);

function makeRepository() {
  cpSync(join(import.meta.dirname, "repository"), repository, { recursive: true });
  const git = (...args) => execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.org", ...args], { cwd: repository });
  git("init", "-q", "-b", "main");
  git("add", ".");
  git("commit", "-q", "-m", "A shop");
}

async function startCodeServer(url) {
  const bin = join(cache, "code-server/node_modules/.bin/code-server");
  const folders = ["--user-data-dir", home, "--extensions-dir", join(work, "extensions")];
  const settings = {
    "kimi.command": [python, "-m", "kimi_mcp"], "kimi.baseUrl": url, "kimi.model": "kimi-k2.6",
    "telemetry.telemetryLevel": "off", "workbench.startupEditor": "none", "security.workspace.trust.enabled": false,
    "workbench.colorTheme": "Default Dark Modern", "workbench.secondarySideBar.defaultVisibility": "hidden", "git.openRepositoryInParentFolders": "never",
  };
  for (const name of ["User", "Machine"]) { // settings of scope `machine` are read from the latter
    mkdirSync(join(home, name), { recursive: true });
    writeFileSync(join(home, name, "settings.json"), JSON.stringify(settings));
  }
  const env = { ...environment(), HOME: home, KIMI_MCP_STATE: join(work, "state"), KIMI_MCP_CONFIG: join(work, "none.toml"), PYTHONPATH: project };
  const vsix = join(work, "kimi-mcp.vsix");
  execFileSync("npx", ["--yes", "@vscode/vsce", "package", "--no-dependencies", "--allow-missing-repository", "--no-rewrite-relative-links", "-o", vsix], { cwd: extension, env: environment(), stdio: "inherit" });
  execFileSync(bin, [...folders, "--install-extension", vsix], { env, stdio: "inherit" });
  const port = await freePort();
  await started(bin, [...folders, "--auth", "none", "--bind-addr", `127.0.0.1:${port}`, "--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"], { env }, /HTTP server listening/);
  return `http://127.0.0.1:${port}/?folder=${repository}`;
}

/** The frame of a webview of ours whose page is `run` or `evidence`. */
async function webview(page, name) {
  for (let tries = 0; tries < 600; tries++) {
    for (const frame of page.frames()) {
      const found = await frame.evaluate(() => document.body?.dataset.page).catch(() => undefined);
      if (found === name) return frame;
    }
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`no webview '${name}'`);
}

async function palette(page, text) {
  await page.keyboard.press("F1");
  await page.locator(".quick-input-widget input").first().fill(`>${text}`);
  await page.locator(".quick-input-list .monaco-list-row").first().waitFor();
  await page.keyboard.press("Enter");
}

async function main() {
  makeRepository();
  const endpoint = await started(python, ["-m", "tests.kimi_api", "--script", join(import.meta.dirname, "turns.json"), "--port", String(await freePort())], { cwd: project }, /endpoint: (\S+)/);
  doing("packaging, installing and starting code-server");
  const url = await startCodeServer(endpoint[1]);
  const browser = await browserType.launch({ executablePath: chromium, args: ["--no-sandbox"] });
  const page = await browser.newPage({ viewport: { width: 1360, height: 860 } });
  page.setDefaultTimeout(90_000);
  const shot = (name) => page.screenshot({ path: join(shots, `${name}.png`) });
  try {
    await use(page, url, shot);
  } catch (error) {
    await shot("failed");
    throw error;
  } finally {
    await browser.close();
  }
}

async function use(page, url, shot) {
  doing("opening the workbench");
  await page.goto(url);
  await page.locator(".monaco-workbench").waitFor();
  await page.locator(".activitybar [aria-label^='Kimi']").first().click();
  const view = await webview(page, "run");
  doing("typing the issue");
  await view.locator("textarea").fill(ISSUE);
  await view.locator(".composer .note", { hasText: "in shop" }).waitFor();
  await shot("typed");
  await view.getByRole("button", { name: "Fix" }).click();

  doing("watching");
  await view.locator(".plan li.in_progress").waitFor();
  await view.locator(".stream .call summary", { hasText: "shop.py" }).first().waitFor();
  await view.locator(".stream .thought", { hasText: "fails as reported" }).waitFor();
  await shot("run");
  await view.locator(".review .changed").waitFor();
  assert.match(readFileSync(join(repository, "shop.py"), "utf8"), /total > 5000/, "nothing changes before it is accepted");

  doing("reviewing");
  await page.locator(".monaco-diff-editor").first().waitFor();
  await page.locator(".monaco-diff-editor .codelens-decoration a", { hasText: "Accept" }).first().waitFor();
  await page.waitForTimeout(1500);
  await shot("diff");
  await palette(page, "Kimi: Show the Evidence");
  const evidence = await webview(page, "evidence");
  await evidence.locator("table").first().waitFor();
  await page.waitForTimeout(800);
  await shot("evidence");
  assert.match(await evidence.locator(".proof").innerText(), /Reproduction: fails before, passes after/);

  doing("rejecting the hunk that is not needed, accepting the fix");
  await view.getByRole("button", { name: /Reject the hunk at line 16/ }).click();
  await view.locator(".hunk.rejected").waitFor();
  await view.getByRole("button", { name: "Accept shop.py" }).click();
  await view.locator(".badge.accepted").waitFor();
  const text = readFileSync(join(repository, "shop.py"), "utf8");
  const before = readFileSync(join(import.meta.dirname, "repository/shop.py"), "utf8");
  assert.equal(text, before.replace("> 5000", ">= 5000"), "the accepted hunk and nothing else");

  doing("running the tests on the accepted files");
  await view.getByRole("button", { name: "Run the tests on my files" }).click();
  await view.locator(".check.good").waitFor();
  console.log(`  ${await view.locator(".check.good span").nth(1).innerText()}`);
  await page.waitForTimeout(500);
  await shot("accepted");

  doing("the tools in VS Code's MCP list");
  await palette(page, "MCP: List Servers");
  const listed = (text) => page.locator(".quick-input-list .monaco-list-row", { hasText: text }).first();
  await listed("Kimi").click();
  await listed("Start Server").click();
  await page.waitForTimeout(4000);
  await palette(page, "MCP: List Servers");
  await listed(/Kimi.*Running/).waitFor();
  await page.waitForTimeout(600);
  await shot("mcp");
}

try {
  await main();
  console.log(`done; screenshots in ${shots}`);
} catch (error) {
  console.error(`while ${step}:`, error);
  process.exitCode = 1;
} finally {
  endAll();
  if (!process.env.KEEP) rmSync(work, { recursive: true, force: true, maxRetries: 5, retryDelay: 300 });
}
