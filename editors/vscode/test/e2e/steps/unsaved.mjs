// What is typed and not saved is what the agent works on: in the user's own files, and in a private copy.
import assert from "node:assert/strict";

async function type(window, words) {
  const { page } = window;
  await window.openFile("shop.py");
  await page.locator(".editor-group-container.active .view-line", { hasText: "Free from 50.00 on" }).click();
  await page.keyboard.press("End");
  await page.keyboard.type(`  # ${words}`);
  await page.locator(".tab.active.dirty").waitFor();
}

export default async function unsaved(window) {
  const { page } = window;
  for (const place of ["tree", "copy"]) {
    window.reset();
    await window.set({ "kimi.place": place });
    await type(window, `typed for the ${place}`);
    assert.doesNotMatch(window.file("shop.py"), /typed/, "it is not saved");
    const view = await window.fix(`About unsaved words in the ${place}`);
    await view.locator(".review .changed").waitFor();
    const read = window.requests().findLast((one) => one.scene === "unsaved words").results[0];
    assert.ok(read.includes(`typed for the ${place}`), `the agent has not seen it:\n${read}`);
    if (place === "copy") {
      assert.doesNotMatch(window.file("shop.py"), /typed/, "nothing of the user's is saved or changed");
      assert.doesNotMatch(await view.locator(".review").innerText(), /typed/, "the user's own words are no part of the patch");
      await view.getByRole("button", { name: "Accept shop.py" }).click();
      await page.locator(".tab.dirty[data-resource-name='shop.py']").waitFor();
      await window.openFile("shop.py");
      const lines = page.locator(".editor-group-container.active .view-lines");
      await lines.getByText("typed for the copy").first().waitFor();
      await lines.getByText(">= 5000").first().waitFor();
      assert.doesNotMatch(window.file("shop.py"), /typed/, "what was not saved is the user's to save");
    } else {
      await window.until("the agent's change beside the user's", () => /typed for the tree/.test(window.file("shop.py")) && />= 5000/.test(window.file("shop.py")));
      await view.getByRole("button", { name: "Reject shop.py" }).click();
      await window.until("it is taken back, the user's words stay", () => /typed for the tree/.test(window.file("shop.py")) && !/>= 5000/.test(window.file("shop.py")));
    }
    await window.openFile("shop.py");
    await window.palette("File: Revert File");
    await window.closeEditors();
  }
  await window.set({});
}
