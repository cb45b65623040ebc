// A whole issue: typed, watched, its cost seen, reviewed by hunk, taken back, accepted, the tests green.
import assert from "node:assert/strict";

const ISSUE = "Shipping is charged for an order of exactly 50.00\n\nThe page says free shipping from 50.00 on, but shipping(5000) returns 490.";

export default async function issue(window) {
  const { page } = window;
  window.reset();
  const before = window.file("shop.py");
  const view = await window.fix(ISSUE);

  await view.locator(".plan li.in_progress").waitFor();
  await view.locator(".stream .call summary", { hasText: "shop.py" }).first().waitFor();
  await view.locator(".stream .thought", { hasText: "fails as reported" }).waitFor();
  await view.locator(".facts", { hasText: /\$0\.00\d+ · [\d.]+k tokens/ }).waitFor();
  await page.locator(".statusbar-item", { hasText: /Kimi: .*\$0\.00\d+ · [\d.]+k tokens/ }).waitFor();
  await window.shot("run");
  await view.locator(".review .changed").waitFor();
  assert.equal(window.file("shop.py"), before, "nothing changes before it is accepted");

  await page.locator(".monaco-diff-editor .codelens-decoration a", { hasText: "Accept" }).first().waitFor();
  await window.palette("Kimi: Show the Evidence");
  const evidence = await window.view("evidence");
  await evidence.locator("table").first().waitFor();
  await page.locator(".monaco-diff-editor .codelens-decoration a", { hasText: "Reject" }).nth(1).waitFor();
  await window.shot("review");
  assert.match(await evidence.locator(".proof").innerText(), /Reproduction: fails before, passes after/);

  await view.getByRole("button", { name: /Reject the hunk at line 16/ }).click();
  await view.locator(".hunk.rejected").waitFor();
  await view.getByRole("button", { name: "Accept shop.py" }).click();
  await view.locator(".badge.accepted", { hasText: "1 of 2 accepted" }).waitFor();
  const fixed = before.replace("> 5000", ">= 5000");
  await window.until("the accepted hunk and nothing else", () => window.file("shop.py") === fixed);
  await view.getByRole("button", { name: "Undo shop.py" }).click();
  await window.until("it is taken back", () => window.file("shop.py") === before);
  await view.locator(".hunk.pending").nth(1).waitFor();
  // and once more, above the hunks in the diff editor
  await view.getByRole("button", { name: "shop.py", exact: true }).click();
  await page.locator(".monaco-diff-editor .codelens-decoration a", { hasText: "Accept" }).first().click();
  await window.until("the first hunk", () => window.file("shop.py") === fixed);
  const reject = page.locator(".monaco-diff-editor .codelens-decoration a", { hasText: "Reject" });
  await window.until("only the second hunk waits", async () => (await reject.count()) === 1);
  await reject.first().click();
  await view.getByRole("heading", { name: "Patch · reviewed" }).waitFor();
  assert.equal(window.file("shop.py"), fixed);

  await view.getByRole("button", { name: "Run the tests on my files" }).click();
  await view.locator(".check.good", { hasText: "PASSED" }).waitFor();
  await window.shot("accepted");
  await window.closeEditors();
}
