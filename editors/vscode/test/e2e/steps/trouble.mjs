// What is wrong is said in a sentence with a way out: no program, another program, one that crashes, a dead host, no
// credit, no key. The tools and the project's tests work all the same.
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

async function programs(window) {
  const { page } = window;
  const other = join(window.work, "other");
  writeFileSync(other, "#!/bin/sh\necho 'Error: No such command acp.' >&2\nexit 2\n");
  chmodSync(other, 0o755);
  const view = await window.home();
  for (const [command, words] of [[["no-such-kimi-mcp"], "'no-such-kimi-mcp' is not there: install it"], [[other], "ended at its start (exit code 2: Error: No such command acp.)"]]) {
    await window.set({ "kimi.command": command });
    await view.locator(".hint [role=alert]", { hasText: words }).waitFor();
    for (const name of ["Try again", "How to install it", "Open the settings", "Show the log"]) assert.ok(await view.getByRole("button", { name }).isVisible(), name);
  }
  await window.shot("no-program");
  await view.getByRole("button", { name: "How to install it" }).click();
  await page.locator(".gettingStartedContainer", { hasText: "Install the program" }).waitFor();
  await window.closeEditors();
  await view.getByRole("button", { name: "Open the settings" }).click();
  await page.locator(".settings-editor .setting-item-label", { hasText: "Max Cost" }).waitFor();
  await window.shot("settings");
  await page.keyboard.press("Escape");
  await page.locator(".settings-editor").waitFor({ state: "hidden" });
  await window.set({});
  await view.locator(".hint [role=alert]").waitFor({ state: "detached" });
}

async function hosts(window) {
  const view = await window.fix("There is no credit left");
  await view.locator(".trouble", { hasText: "balance" }).waitFor();
  await window.shot("no-credit");
  await window.set({ "kimi.baseUrl": "http://127.0.0.1:9/v1" });
  await window.fix("The host is dead: no answer");
  await view.locator(".trouble", { hasText: "127.0.0.1:9" }).waitFor();
  await window.shot("dead-host");
  await (await window.home()).locator(".list li", { has: view.locator(".mark.failed"), hasText: "The host is dead" }).waitFor();
  await window.set({});
}

async function noKey(window) {
  const { page } = window;
  await window.set({ "kimi.baseUrl": "https://api.example.invalid/v1" });
  const view = await window.home();
  await window.palette("Kimi: Forget the API Key");
  await view.locator(".hint", { hasText: "The tools work without a key" }).waitFor();
  await window.shot("key-missing");
  await window.palette("Kimi: Run the Tests on My Files");
  await window.palette("Kimi: Enter the API Key");
  await window.answer("good-key");
  await page.locator(".notification-toast", { hasText: "The key is kept" }).waitFor();
  await window.palette("Notifications: Clear All Notifications");
  await view.locator(".hint").waitFor({ state: "hidden" });
  await window.set({});
}

export default async function trouble(window) {
  window.reset();
  for (const one of [programs, hosts, noKey]) {
    await one(window);
    console.log(`  ${one.name}`);
  }
}
