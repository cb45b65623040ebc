// Ctrl+Z in the editor behind an Accept: it takes the change out of the editor, as it does with any change from outside;
// the decision stands until it is undone in the view, and both ways back lead to the same text.
import assert from "node:assert/strict";

export default async function undone(window) {
  const { page } = window;
  window.reset();
  await window.openFile("shop.py");
  const view = await window.fix("Make several kinds of files");
  await view.locator(".review .changed").nth(5).waitFor();
  const hunk = (what) => view.getByRole("button", { name: `${what} the hunk at line 11 of shop.py`, exact: true });
  const before = window.file("shop.py");
  const after = before.replace("> 5000", ">= 5000");
  await page.locator('.tab[data-resource-name="shop.py"]').click();
  const lines = page.locator(".editor-group-container.active .view-lines");
  const dirty = page.locator('.tab.dirty[data-resource-name="shop.py"]');

  await hunk("Accept").click();
  await lines.getByText(">= 5000").first().waitFor();
  assert.equal(window.file("shop.py"), after);
  assert.equal(await dirty.count(), 0, "what was accepted is saved");
  await lines.getByText("What a basket costs").first().click();
  await page.keyboard.press("Control+Z");
  await lines.getByText("> 5000").first().waitFor();
  await dirty.waitFor();
  assert.equal(window.file("shop.py"), after, "Ctrl+Z is not saved by itself");
  await window.shot("undone");
  await page.keyboard.press("Control+Shift+Z");
  await lines.getByText(">= 5000").first().waitFor();
  await dirty.waitFor({ state: "detached" });

  // once more, saved; then the view: Undo finds it done already, and Accept brings it in again
  await page.keyboard.press("Control+Z");
  await lines.getByText("> 5000").first().waitFor();
  await page.keyboard.press("Control+S");
  await window.until("it is saved", () => window.file("shop.py") === before);
  await hunk("Undo").click();
  await hunk("Accept").click();
  await window.until("it is there again", () => window.file("shop.py") === after);
  await hunk("Undo").click();
  await window.until("and gone again", () => window.file("shop.py") === before);
  await window.closeEditors();
}
