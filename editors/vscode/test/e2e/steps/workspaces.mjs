// No folder, several folders, and one that the user does not trust.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeRepository, serve, writeSettings } from "../code.mjs";

async function none(window) {
  const { page } = window;
  const view = await window.open("ew=true");
  await view.locator(".hint", { hasText: "No folder is open" }).waitFor();
  assert.ok(await view.getByRole("button", { name: "Fix", exact: true }).isDisabled());
  await window.shot("no-folder");
  await view.getByRole("button", { name: "Open a folder" }).click();
  await page.locator(".quick-input-widget", { hasText: "Open Folder" }).waitFor();
  await page.keyboard.press("Escape");
}

async function several(window) {
  const { page } = window;
  const other = join(window.work, "warehouse");
  makeRepository(other);
  const file = join(window.work, "both.code-workspace");
  writeFileSync(file, JSON.stringify({ folders: [{ path: window.repository }, { path: other }] }));
  const view = await window.until("the workspace's folders", async () => { // code-server forgets them now and then
    const found = await window.open(`workspace=${file}`);
    return found.locator(".composer .note", { hasText: "in one of 2 folders" }).waitFor({ timeout: 15_000 }).then(() => found, () => undefined);
  });
  await view.locator(".list li", { hasText: "shop · " }).first().waitFor(); // the runs of the first one, from before
  await view.locator("textarea").fill("Of the warehouse: where you were interrupted");
  await view.getByRole("button", { name: "Fix", exact: true }).click();
  await page.getByPlaceholder("Where is it to be fixed?").waitFor();
  await window.row("warehouse").click();
  await view.locator(".stream .message", { hasText: "It compares with >= now." }).first().waitFor();
  await view.locator(".composer .note", { hasText: "in warehouse" }).waitFor();
  // both are listed, each with its folder, also after a reload; and the other folder's run is opened there
  await (await window.open(`workspace=${file}`)).locator(".stream .message", { hasText: "It compares with >= now." }).first().waitFor();
  await window.home();
  const list = (await window.view()).locator(".list li");
  await list.filter({ hasText: "Of the warehouse" }).locator(".note", { hasText: "warehouse · " }).waitFor();
  await list.filter({ hasText: "shop · " }).first().waitFor();
  await window.shot("folders");
  const again = await window.view();
  await list.filter({ hasText: "Of the warehouse" }).locator(".link").first().click();
  await again.locator(".stream .message", { hasText: "It compares with >= now." }).first().waitFor();
  await again.locator(".composer .note", { hasText: "in warehouse" }).waitFor();
}

async function restricted(window) {
  const { page } = window;
  const trust = { "security.workspace.trust.enabled": true, "security.workspace.trust.startupPrompt": "never", "security.workspace.trust.banner": "always" };
  writeSettings(join(window.work, "trusting"), { ...window.settings, ...trust });
  await page.goto(`${await serve(window.work, "trusting")}?folder=${window.repository}`);
  await page.locator(".statusbar-item", { hasText: "Restricted Mode" }).waitFor();
  await window.palette("View: Show Extensions");
  await page.locator(".extensions-viewlet").waitFor();
  await window.shot("restricted");
  assert.equal(await page.locator(".statusbar-item", { hasText: "Kimi" }).count(), 0, "the extension does not run");
  await page.locator(".statusbar-item", { hasText: "Restricted Mode" }).click();
  await page.locator(".workspace-trust-editor").getByRole("button", { name: "Trust", exact: true }).click();
  await page.locator(".monaco-modal-editor-block .codicon-close").click(); // it lies over everything
  await page.locator(".statusbar-item", { hasText: "Kimi" }).waitFor();
  await window.openView();
  const view = await window.view();
  await view.getByRole("button", { name: "Fix", exact: true }).waitFor();
  await window.shot("trusted");
}

export default async function workspaces(window) {
  for (const one of [none, several, restricted]) {
    await one(window);
    console.log(`  ${one.name}`);
  }
  await window.open();
}
