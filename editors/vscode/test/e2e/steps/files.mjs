// Every kind of file under review: added, changed in parts, deleted, renamed, no text; changed by the user meanwhile.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export default async function files(window) {
  const { page } = window;
  window.reset();
  const there = (name) => existsSync(join(window.repository, name));
  const before = window.file("shop.py");
  const view = await window.fix("Make several kinds of files");
  await view.locator(".review .changed").nth(5).waitFor();
  const names = await view.locator(".review .file").allInnerTexts();
  assert.deepEqual(names.sort(), ["ISSUE.md", "added.txt", "cost.js", "dot.bin", "prices.js", "shop.py"]);
  const badge = (name) => view.locator(".changed", { has: view.getByRole("button", { name, exact: true }) }).locator(".badge").innerText();
  assert.deepEqual([await badge("added.txt"), await badge("ISSUE.md"), await badge("shop.py"), await badge("dot.bin")], ["added", "deleted", "modified", "added, no text"]);

  const decide = (what, name) => view.getByRole("button", { name: `${what} ${name}`, exact: true }).click();
  await decide("Accept", "added.txt");
  await window.until("the new file", () => there("added.txt") && window.file("added.txt") === "one\ntwo\n");
  await decide("Undo", "added.txt");
  await window.until("it is gone again", () => !there("added.txt"));
  await decide("Accept", "ISSUE.md");
  await window.until("it is deleted", () => !there("ISSUE.md"));
  await decide("Undo", "ISSUE.md");
  await window.until("it is back", () => there("ISSUE.md"));
  await decide("Accept", "dot.bin");
  await window.until("its bytes", () => there("dot.bin") && readFileSync(join(window.repository, "dot.bin")).equals(Buffer.from([0, 255, 10])));
  await decide("Reject", "prices.js");
  await decide("Reject", "cost.js");
  assert.ok(there("prices.js") && !there("cost.js"));

  // the user changed another line: the hunk is carried over. The same line: it no longer fits, and says so
  writeFileSync(join(window.repository, "shop.py"), before.replace("whole cents", "cents").replace("# every article on its own line", "# one a line"));
  await decide("Accept", "the hunk at line 11 of shop.py");
  await window.until("both changes", () => />= 5000/.test(window.file("shop.py")) && /in cents\./.test(window.file("shop.py")));
  await decide("Accept", "the hunk at line 16 of shop.py");
  const toast = page.locator(".notification-toast", { hasText: "no longer fits; nothing was changed" });
  await toast.waitFor();
  await window.shot("conflict");
  assert.match(window.file("shop.py"), /# one a line/);
  await toast.getByRole("button", { name: "Compare" }).click();
  await page.locator(".tab.active", { hasText: "yours ↔ Kimi's" }).waitFor();
  await window.closeEditors();
  await decide("Reject", "the hunk at line 16 of shop.py");
  await view.getByRole("button", { name: "Reject all" }).click();
  await view.getByRole("heading", { name: "Patch · reviewed" }).waitFor();
  await window.shot("files");
  await reloads(window);
}

/** What is shown as decided outlives a reload of the window right behind: VS Code has no time to write anything then. */
async function reloads(window) {
  const changed = async (name) => (await window.view()).locator(".changed", { hasText: name });
  const shown = async (words) => (await changed("dot.bin")).locator(".badge", { hasText: words }).waitFor();
  for (const [what, words] of [["Undo", "added, no text"], ["Accept", "accepted"]]) {
    await (await changed("dot.bin")).getByRole("button", { name: `${what} dot.bin`, exact: true }).click();
    await shown(words);
    await window.open();
    await shown(words);
  }
  await (await window.view()).getByRole("heading", { name: "Patch · reviewed" }).waitFor();
  assert.match(await (await changed("shop.py")).locator(".badge").first().innerText(), /1 of 3 accepted/);
}
