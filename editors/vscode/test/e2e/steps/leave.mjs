// What needs the user's leave: asked with what, for which call and where; refused, allowed once, allowed for the session; by keyboard.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export default async function leave(window) {
  const { page } = window;
  window.reset();
  writeFileSync(join(window.repository, ".env"), "TOKEN=abc\n");
  const view = await window.fix("It asks for leave");
  const question = view.locator(".question");

  await question.getByText(".vscode/tasks.json").first().waitFor();
  await window.shot("leave");
  assert.match(await question.innerText(), /For write_file[\s\S]*"version": "2\.0\.0"[\s\S]*In a private copy of shop/);
  await page.locator(".statusbar-item", { hasText: "Kimi asks for your leave" }).waitFor();
  await view.locator(".state.warn", { hasText: "Waits for your leave" }).waitFor();
  // the keyboard is in the question, on no button: a key that was meant for something else answers nothing
  assert.equal(await view.evaluate(() => document.activeElement?.getAttribute("role")), "alertdialog");
  await page.keyboard.press("Escape"); // refuses
  await view.locator(".stream .call", { has: view.locator(".mark.failed"), hasText: "tasks.json" }).first().waitFor();

  await question.getByText(".envrc").first().waitFor();
  await question.getByRole("button", { name: "Allow", exact: true }).click();
  await question.getByText(".env'").first().waitFor();
  await question.getByRole("button", { name: /in this session/ }).click();
  await view.locator(".stream .message").waitFor(); // the second reading is not asked
  await window.ended();
  const last = window.requests().findLast((one) => one.scene === "asks for leave").results.join("\n");
  assert.ok(last.includes("TOKEN") && /said no/i.test(last), last);
  assert.match(await view.locator(".review").innerText(), /\.envrc/);
  assert.doesNotMatch(await view.locator(".review").innerText(), /tasks\.json/);
  await page.locator(".tab.active", { hasText: ".envrc (Kimi: added)" }).waitFor();
  await window.closeEditors();
}
