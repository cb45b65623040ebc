// Several runs at once; the list; an earlier run opened again, gone on with, deleted; the window reloaded, and the
// extension host killed, while a run works.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

/** The processes of this VS Code that have those words in their command line, newest first. */
function processes(window, words) {
  const lines = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" }).split("\n");
  const found = lines.filter((line) => words.every((word) => line.includes(word))).map((line) => Number.parseInt(line, 10));
  return found.reverse();
}

async function several(window) {
  const { page } = window;
  const first = await window.fix("It waits for a command, first");
  await first.locator(".stream .call", { hasText: "sleep 600" }).waitFor();
  await window.fix("It waits for a command, second");
  await first.locator(".stream .call", { hasText: "sleep 600" }).waitFor();
  await page.locator(".statusbar-item", { hasText: "Kimi: 2 runs" }).waitFor();
  const view = await window.home();
  const rows = view.locator(".list li", { hasText: "waits for a command" });
  await rows.nth(1).waitFor();
  assert.deepEqual(await rows.locator(".note").allInnerTexts(), ["running", "running"]);
  await window.shot("runs");
  // the first is cancelled; the second goes on, and ends where it is not seen: it is said
  await view.getByRole("button", { name: "It waits for a command, first", exact: true }).click();
  await view.getByRole("button", { name: "Cancel", exact: true }).click();
  await view.locator(".state", { hasText: "Cancelled" }).waitFor();
  await view.locator(".review .changed", { hasText: "shop.py" }).waitFor(); // its best patch so far
  await window.home();
  await view.locator(".list li", { hasText: "second" }).locator(".note", { hasText: "running" }).waitFor();
}

async function goOn(window) {
  const view = await window.view();
  await view.locator(".state", { hasText: /Cancelled|Interrupted/ }).waitFor();
  await view.locator(".stream .call", { hasText: "sleep 600" }).waitFor(); // told again
  await view.getByRole("button", { name: "Go on" }).click();
  await view.locator(".stream .message", { hasText: "It compares with >= now." }).first().waitFor();
}

async function reloaded(window) {
  const view = await window.view();
  await view.getByRole("button", { name: "It waits for a command, second", exact: true }).click();
  await view.locator(".state.working").waitFor();
  await window.open();
  await goOn(window);
  await window.shot("reloaded");
}

async function killed(window) {
  const { page } = window;
  const view = await window.fix("It waits for a command, third");
  await view.locator(".stream .call", { hasText: "sleep 600" }).waitFor();
  for (const agent of processes(window, ["-m kimi_mcp acp", window.settings["kimi.baseUrl"]])) process.kill(agent, "SIGKILL");
  await view.locator(".state.bad", { hasText: "Failed" }).waitFor();
  await view.locator(".trouble", { hasText: "kimi-mcp has ended (SIGKILL)" }).waitFor();
  await window.shot("killed");
  await view.getByRole("button", { name: "Go on" }).click();
  await view.locator(".stream .message", { hasText: "It compares with >= now." }).first().waitFor();

  await window.fix("It waits for a command, fourth");
  await view.locator(".stream .call", { hasText: "sleep 600" }).waitFor();
  for (const host of processes(window, ["--type=extensionHost", window.work]).length ? processes(window, ["--type=extensionHost", window.work]) : processes(window, ["--type=extensionHost"])) process.kill(host, "SIGKILL");
  const restart = page.getByRole("button", { name: /Restart Extension Host|Reload Window/ }).first();
  await Promise.race([restart.waitFor().then(() => restart.click()), page.locator(".statusbar-item", { hasText: /Kimi(?!: )/ }).waitFor()]).catch(() => undefined);
  await window.open();
  await goOn(window);
}

async function list(window) {
  const { page } = window;
  const view = await window.home();
  await view.getByRole("button", { name: /^Shipping is charged for an order/ }).first().click();
  await view.locator(".stream .thought", { hasText: "fails as reported" }).waitFor();
  await view.locator(".plan", { hasText: "5 of 5" }).waitFor();
  await view.locator(".proof", { hasText: "Reproduction: fails before, passes after" }).waitFor();
  // a finished run is talked to further
  await view.locator("textarea").fill("Tell me where you were interrupted");
  await view.getByRole("button", { name: "Send" }).click();
  await view.locator(".stream .user", { hasText: "Tell me" }).waitFor();
  await view.locator(".stream .message", { hasText: "It compares with >= now." }).first().waitFor();
  // deleted, once that is confirmed
  await window.home();
  const row = view.locator(".list li", { hasText: "It waits for a command, first" });
  await row.hover();
  await row.getByRole("button", { name: /^Delete/ }).click();
  await page.locator(".monaco-dialog-box", { hasText: "Delete this run" }).waitFor();
  await page.locator(".monaco-dialog-box").getByRole("button", { name: "Delete" }).click();
  await row.waitFor({ state: "detached" });
  await window.open();
  await (await window.home()).locator(".list li").first().waitFor();
  assert.equal(await (await window.view()).locator(".list li", { hasText: "It waits for a command, first" }).count(), 0);
}

export default async function runs(window) {
  window.reset();
  for (const one of [several, reloaded, killed, list]) {
    await one(window);
    console.log(`  ${one.name}`);
  }
}
