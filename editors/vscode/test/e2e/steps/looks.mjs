// How it looks and is reached: themes, a narrow side bar, reduced motion, the keyboard alone, names for a screen
// reader, the walkthrough, VS Code's list of MCP servers.
import assert from "node:assert/strict";

const THEMES = [["light", "Default Light Modern"], ["high-contrast", "Default High Contrast"], ["high-contrast-light", "Default High Contrast Light"], ["dark", "Default Dark Modern"]];

async function shown(window) {
  const view = await window.home();
  await view.locator(".list li", { hasText: "Shipping is charged" }).locator(".link").first().click();
  await view.locator(".stream .thought", { hasText: "fails as reported" }).waitFor();
  return view;
}

async function themes(window) {
  const view = await shown(window);
  const colour = () => view.evaluate(() => getComputedStyle(document.body).getPropertyValue("--vscode-foreground"));
  for (const [name, theme] of THEMES) {
    const before = await colour();
    await window.set({ "workbench.colorTheme": theme });
    await window.until(theme, async () => (await colour()) !== before);
    await window.shot(name);
  }
}

async function narrow(window) {
  const { page } = window;
  const view = await window.view();
  const sash = page.locator(".monaco-sash.vertical:not(.disabled)").first();
  const box = await page.locator(".part.sidebar").boundingBox();
  await page.mouse.move(box.x + box.width, 300);
  await page.mouse.down();
  await page.mouse.move(box.x + 205, 300, { steps: 5 });
  await page.mouse.up();
  await window.until("a narrow side bar", async () => (await page.locator(".part.sidebar").boundingBox()).width < 215);
  const wide = await view.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `the view is ${wide} px wider than its place`);
  await window.shot("narrow");
  await page.mouse.move(box.x + 205, 300);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width, 300, { steps: 5 });
  await page.mouse.up();
  assert.ok(await sash.count());
}

async function keyboard(window) {
  const { page } = window;
  await window.palette("Kimi: Fix an Issue");
  const view = await window.view();
  await window.until("the cursor in the text field", () => view.evaluate(() => document.hasFocus() && document.activeElement?.tagName === "TEXTAREA"));
  await page.keyboard.type("It asks for leave, by keyboard");
  await page.keyboard.press("Control+Enter");
  await view.locator(".question").waitFor();
  const at = () => view.evaluate(() => document.activeElement?.textContent ?? "");
  await window.until("the question has the keyboard", () => view.evaluate(() => document.activeElement?.className === "question"));
  for (let presses = 0; presses < 6 && (await at()) !== "Refuse"; presses++) await page.keyboard.press("Tab");
  assert.equal(await at(), "Refuse");
  await page.keyboard.press("Enter");
  await view.locator(".stream .call", { has: view.locator(".mark.failed"), hasText: "tasks.json" }).first().waitFor();
  await view.getByRole("button", { name: "Cancel", exact: true }).press("Enter");
  await view.locator(".state", { hasText: "Cancelled" }).waitFor();
  // everything that can be pressed has a name, every mark is told in words, the state is announced
  const nameless = await view.evaluate(() => [...document.querySelectorAll("button, summary, textarea, [role=img]")].filter((one) => !(one.getAttribute("aria-label") ?? one.textContent ?? "").trim()).map((one) => one.outerHTML));
  assert.deepEqual(nameless, []);
  assert.equal(await view.locator("[role=status]", { hasText: "Cancelled" }).count(), 1);
  await page.emulateMedia({ reducedMotion: "reduce" });
  await window.fix("It waits for a command, unmoved");
  await view.locator(".state.working").waitFor();
  assert.equal(await view.evaluate(() => getComputedStyle(document.querySelector(".state.working"), "::before").animationName), "none");
  await page.emulateMedia({ reducedMotion: null });
  await view.getByRole("button", { name: "Cancel", exact: true }).click();
  await view.locator(".state", { hasText: "Cancelled" }).waitFor();
}

async function walkthrough(window) {
  const { page } = window;
  await window.palette("Kimi: Get Started");
  const steps = page.locator(".gettingStartedContainer .getting-started-step");
  await steps.nth(3).waitFor();
  for (const [index, name] of ["Install the program", "Use the tools, without a key", "Enter a key for the agent", "Fix an issue"].entries()) {
    await steps.nth(index).locator(".step-title, h3").first().click();
    await page.locator(".getting-started-step.expanded", { hasText: name }).waitFor();
    const media = page.locator(".getting-started-media iframe");
    await media.first().waitFor();
  }
  await window.shot("walkthrough");
  await page.locator(".getting-started-step.expanded").getByRole("button", { name: "Fix an issue" }).click();
  const view = await window.view();
  await view.getByRole("button", { name: "Fix", exact: true }).waitFor();
  await window.closeEditors();
}

async function servers(window) {
  const { page } = window;
  await window.palette("MCP: List Servers");
  await window.row("Kimi").click();
  await window.row(/Start Server|Restart Server/).click();
  await page.locator(".panel .view-line", { hasText: /Discovered\s\d+\stools/ }).waitFor();
  await window.palette("View: Hide Panel");
  await window.palette("MCP: List Servers");
  await window.row(/Kimi.*Running/).waitFor();
  await window.shot("tools");
  await page.keyboard.press("Escape");
  // as VS Code's own agent calls it
  await window.palette("Unittest: Call a Tool of Kimi");
  const said = page.locator(".notification-toast", { hasText: "shop.py" });
  const allow = page.locator(".monaco-dialog-box").getByRole("button", { name: /Enable|Allow|Yes/ }).first();
  await Promise.race([said.waitFor(), allow.waitFor().then(() => allow.click())]);
  await said.waitFor();
  assert.match(await said.innerText(), /\d+ tools[\s\S]*shop\.py/);
  await window.shot("called");
  await window.palette("Notifications: Clear All Notifications");
}

export default async function looks(window) {
  window.reset();
  for (const one of [themes, narrow, keyboard, walkthrough, servers]) {
    await one(window);
    console.log(`  ${one.name}`);
  }
}
