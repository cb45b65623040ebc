// Where a run can start from, and what of it reaches the model: file, lines, text, source and code.
import assert from "node:assert/strict";

const COMMAND = 'python3 -c "import shop; assert shop.shipping(5000) == 0, shop.shipping(5000)"';

function holds(said, ...parts) {
  for (const part of parts) assert.ok(said.includes(part), `${JSON.stringify(part)} is missing in what reached the model:\n${said.slice(0, 3000)}`);
}

async function select(window, line) {
  await window.openFile("shop.py", line);
  const status = (text) => window.page.locator(".statusbar-item", { hasText: text }).waitFor();
  await status(`Ln ${line}, Col`);
  await window.page.keyboard.press("Home");
  await window.page.keyboard.press("Shift+End");
  await status(/selected/);
}

async function selection(window) {
  const { page } = window;
  await select(window, 11);
  await page.locator(".editor-group-container.active .view-line", { hasText: "return 0 if total" }).click({ button: "right", position: { x: 120, y: 8 } });
  await window.shot("menu");
  await window.menu("Fix What Is Selected");
  await window.answer("The bound is wrong.");
  holds(await window.said("It is about shop.py"), "The bound is wrong.", "shop.py:11", "return 0 if total > 5000 else 490");
  await window.ended();
  await select(window, 6);
  await window.palette("Kimi: Fix What Is Selected");
  await window.answer("Round half up.");
  await window.until("the second", () => window.requests().some((one) => one.said.join("").includes("shop.py:6:")));
  await window.ended();
}

async function problem(window) {
  const { page } = window;
  await window.openFile("prices.js");
  await page.locator(".squiggly-error").first().waitFor();
  await page.keyboard.press("F8"); // go to it
  await page.locator(".peekview-widget, .zone-widget", { hasText: "not assignable" }).first().waitFor();
  await page.keyboard.press("Escape");
  await window.until("its light bulb's menu", async () => { // what a language server says just now closes it again
    await page.keyboard.press("Control+.");
    return page.locator(".action-widget .monaco-list-row", { hasText: "Fix with Kimi" }).waitFor({ timeout: 3_000 }).then(() => true, () => false);
  });
  await window.shot("problem");
  await page.locator(".action-widget .monaco-list-row", { hasText: "Fix with Kimi" }).click();
  holds(await window.said("at its cause"), "(ts 2322) in line 5", "is not assignable to type 'number'", "prices.js:2-", 'name.length > 3 ? "490" : 0');
  await window.ended();
  // and from the list of problems
  const before = window.requests().length;
  await window.palette("Problems: Focus on Problems View");
  const row = page.locator(".markers-panel .monaco-list-row", { hasText: "not assignable" }).first();
  await window.until("its menu", async () => {
    await row.click();
    await page.keyboard.press("Control+.");
    return page.locator(".monaco-menu .action-item", { hasText: "Fix with Kimi" }).first().waitFor({ timeout: 3_000 }).then(() => true, () => false);
  });
  await window.menu("Fix with Kimi");
  await window.until("the second", () => window.requests().length > before);
  await window.ended();
  await window.palette("View: Hide Panel");
}

async function failingTest(window) {
  const { page } = window;
  await window.palette("Testing: Focus on Test Explorer View");
  const row = page.locator(".test-explorer .monaco-list-row", { hasText: "test_shipping_is_free_from_fifty" });
  await row.waitFor();
  await window.palette("Test: Run All Tests");
  await page.locator(".test-explorer .monaco-list-row", { has: page.locator(".codicon-testing-failed-icon"), hasText: "test_shipping_is_free" }).waitFor();
  await row.click({ button: "right" });
  await window.shot("test");
  await window.menu("Fix a Failing Test");
  holds(await window.said("The test test_"), "test_shop.Shop.test_shipping_is_free_from_fifty, test_shop.py:13");
  await window.ended();
}

async function command(window) {
  const { page } = window;
  await window.palette("Terminal: Create New Terminal");
  const terminal = page.locator(".terminal-wrapper.active .xterm");
  await terminal.waitFor();
  const marks = page.locator(".terminal-wrapper.active .terminal-command-decoration");
  await marks.first().waitFor(); // a prompt, known to VS Code
  // VS Code tells the output of a terminal's first command not every time
  for (let turn = 1, known = false; !known && turn <= 3; turn++) {
    const before = window.requests().length;
    await terminal.click();
    await page.keyboard.type(`${COMMAND}\n`);
    await page.locator(".terminal-wrapper.active .codicon-terminal-decoration-error").nth(turn - 1).waitFor();
    await terminal.click({ button: "right" });
    await window.menu("Fix the Terminal's Last Failed Command");
    await window.until("the command's run", () => window.requests().length > before);
    await window.ended();
    known = !(await window.said("fails with exit code")).includes("Its output is not known");
  }
  holds(await window.said("fails with exit code"), `\`${COMMAND}\` fails with exit code 1`, "AssertionError: 490", window.repository);
  await window.ended();
  await window.palette("View: Hide Panel");
}

async function issueFile(window) {
  const { page } = window;
  await window.palette("Explorer: Focus on Folders View");
  await page.locator(".explorer-folders-view .monaco-list-row", { hasText: "ISSUE.md" }).click({ button: "right" });
  await window.menu("Fix the Issue in This File");
  const view = await window.view();
  await view.locator(".head h2", { hasText: "Shipping is charged for an order" }).waitFor();
  await window.until("the file's text", () => window.requests().some((one) => one.said.join("\n").includes(">>> shop.shipping(5000)\n490")));
  await view.locator(".review .changed").waitFor();
}

export default async function starts(window) {
  window.reset();
  for (const one of [selection, problem, failingTest, command, issueFile]) {
    await one(window);
    console.log(`  from ${one.name}`);
  }
  await window.closeEditors();
}
