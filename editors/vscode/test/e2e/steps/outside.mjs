// Another program writes a file while its editor is open: Accept keeps what was written outside and what is not saved,
// and it never waits, even before VS Code has noticed. Both hunks of a file at once are both carried in.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export default async function outside(window) {
  const { page } = window;
  window.reset();
  await window.openFile("shop.py");
  const view = await window.fix("Make several kinds of files");
  await view.locator(".review .changed").nth(5).waitFor();
  const before = window.file("shop.py");
  const hunk = (what, line) => view.getByRole("button", { name: `${what} the hunk at line ${line} of shop.py`, exact: true });
  const has = (...parts) => parts.every((part) => window.file("shop.py").includes(part));

  for (let turn = 0; turn < 3; turn++) { // whether VS Code has noticed is a matter of milliseconds
    const words = `cents, said outside ${turn}`;
    writeFileSync(join(window.repository, "shop.py"), before.replace("whole cents", words));
    await hunk("Accept", 11).click();
    await window.until("the change beside what was written outside", () => has(">= 5000", words));
    await hunk("Undo", 11).click();
    await window.until("it is taken back", () => has("> 5000", words) && !has(">= 5000"));
  }

  // two hunks at once
  await view.evaluate(() => {
    for (const line of [11, 16]) document.querySelector(`button[aria-label="Accept the hunk at line ${line} of shop.py"]`).click();
  });
  await window.until("both hunks", () => has(">= 5000", "said outside 2") && !has("# every article"));

  // typed and not saved, and written outside as well: the typed text gets the change, the disk keeps its own
  await page.locator('.tab[data-resource-name="shop.py"]').click();
  await page.locator(".editor-group-container.active .view-line", { hasText: "What a basket costs" }).click(); // beside the hunk it would no longer fit
  await page.keyboard.press("End");
  await page.keyboard.type("  # typed");
  await page.locator(".tab.active.dirty").waitFor();
  writeFileSync(join(window.repository, "shop.py"), before.replace("whole cents", "cents, on the disk"));
  await hunk("Undo", 11).click();
  await hunk("Accept", 11).waitFor();
  const lines = page.locator(".editor-group-container.active .view-lines");
  await lines.getByText("# typed").first().waitFor();
  await lines.getByText("> 5000").first().waitFor();
  assert.ok(has("cents, on the disk"), "the disk keeps what was written outside");
  await window.shot("outside");
  await window.palette("File: Revert File");
  await lines.getByText("cents, on the disk").first().waitFor();
  await window.closeEditors();
  window.reset();
}
