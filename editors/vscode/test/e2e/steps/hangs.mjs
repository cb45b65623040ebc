// What hangs: a program that opens no session is cancelled and tried again; a file that VS Code cannot save stops the
// start with a sentence, and is tried again once it is saved.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Lists one run, and answers nothing else. */
const PROGRAM = `import json, sys
answers = {"initialize": {"protocolVersion": 1, "agentInfo": {"name": "kimi-mcp", "version": "9.0.0"}},
           "session/list": {"sessions": [{"sessionId": "1", "cwd": "/", "title": "Of a program that hangs"}]}}
for line in sys.stdin:
    ask = json.loads(line)
    if ask.get("method") in answers:
        print(json.dumps({"jsonrpc": "2.0", "id": ask["id"], "result": answers[ask["method"]]}), flush=True)
`;

async function program(window) {
  const path = join(window.work, "hangs.py");
  writeFileSync(path, PROGRAM);
  const view = await window.home();
  await window.set({ "kimi.command": ["python3", path] });
  await view.locator(".list li", { hasText: "Of a program that hangs" }).waitFor();
  await window.fix("Of a start that hangs, where you were interrupted");
  await view.locator(".state.working").waitFor();
  await view.getByRole("button", { name: "Cancel", exact: true }).click();
  await view.locator(".state", { hasText: "Cancelled" }).waitFor();
  await view.getByRole("button", { name: "Try again" }).waitFor();
  await window.shot("start-cancelled");
  await window.home();
  await window.set({});
  await view.locator(".list li", { hasText: "Of a program that hangs" }).waitFor({ state: "detached" });
  await view.locator(".list li", { hasText: "Of a start that hangs" }).locator(".link").first().click();
  await view.getByRole("button", { name: "Try again" }).click();
  await view.locator(".stream .message", { hasText: "It compares with >= now." }).first().waitFor();
  assert.equal(await view.locator(".list li", { hasText: "Of a start that hangs" }).count(), 0);
}

async function saving(window) {
  const { page } = window;
  window.reset();
  await window.home();
  await window.set({ "kimi.place": "tree" });
  await window.openFile("shop.py");
  await page.locator(".editor-group-container.active .view-line", { hasText: "Free from 50.00 on" }).click();
  await page.keyboard.press("End");
  await page.keyboard.type("  # typed");
  await page.locator(".tab.active.dirty").waitFor();
  writeFileSync(join(window.repository, "shop.py"), `${window.file("shop.py")}# written outside\n`);
  const view = await window.fix("About unsaved words that cannot be saved");
  await view.locator(".trouble", { hasText: "VS Code could not save shop.py" }).waitFor();
  await window.shot("not-saved");
  assert.match(window.file("shop.py"), /# written outside/);
  await window.palette("File: Revert File");
  await page.locator(".tab.active.dirty").waitFor({ state: "detached" });
  await window.palette("Notifications: Clear All Notifications");
  await view.getByRole("button", { name: "Try again" }).click();
  await view.locator(".review .changed").waitFor();
  await window.until("the agent's change beside what was written outside", () => />= 5000/.test(window.file("shop.py")) && /# written outside/.test(window.file("shop.py")));
  await window.closeEditors();
  await window.set({});
  window.reset();
}

export default async function hangs(window) {
  for (const one of [program, saving]) {
    await one(window);
    console.log(`  ${one.name}`);
  }
}
