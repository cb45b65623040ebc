// What a user does in VS Code's window, for the steps.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeSettings } from "./code.mjs";

const TRIES = 300;

export class Window {
  constructor(page, { url, work, repository, shots, settings }) {
    Object.assign(this, { page, url, work, repository, shots, settings });
  }

  shot(name) {
    return this.page.screenshot({ path: join(this.shots, `${name}.png`) });
  }

  /** Until what `found` gives is true; gives it. */
  async until(what, found, every = 200) {
    for (let tries = 0; tries < TRIES; tries++) {
      const value = await found();
      if (value) return value;
      await new Promise((done) => setTimeout(done, every));
    }
    throw new Error(`never: ${what}`);
  }

  /** The frame of a webview of ours whose page is `run` or `evidence`. */
  view(name = "run") {
    return this.until(`a webview '${name}'`, async () => {
      for (const frame of this.page.frames()) {
        const found = await frame.evaluate(() => document.body?.dataset.page).catch(() => undefined);
        if (found === name) return frame;
      }
    });
  }

  /** Open, or reload, the window, with the repository or what else the address names; and our view in it. */
  async open(what = `folder=${this.repository}`) {
    await this.page.goto(`${this.url}?${what}`);
    await this.page.locator(".monaco-workbench").waitFor();
    await this.openView();
    return this.view();
  }

  async openView() {
    const icon = this.page.locator(".activitybar .action-item", { has: this.page.locator("[aria-label^='Kimi']") }).first();
    await icon.waitFor();
    if (!/checked/.test((await icon.getAttribute("class")) ?? "")) await icon.locator("a").first().click();
    await (await this.view()).locator("textarea").waitFor();
  }

  async palette(text) {
    const input = this.page.locator(".quick-input-widget input").first();
    const label = this.page.locator(".label-name", { hasText: new RegExp(`^${text}`) });
    const row = this.page.locator(".quick-input-list .monaco-list-row", { has: label }).first(); // another may stand first
    await this.until(`the command '${text}'`, async () => { // the box closes when something else takes the focus
      await this.page.keyboard.press("F1");
      return input.fill(`>${text}`, { timeout: 3_000 }).then(() => row.click({ timeout: 3_000 })).then(() => true, () => false);
    });
  }

  /** A row of the list under the input box. */
  row(text) {
    return this.page.locator(".quick-input-list .monaco-list-row", { hasText: text }).first();
  }

  /** Type into the box that a command opened. */
  async answer(text) {
    const input = this.page.locator(".quick-input-widget input").first();
    await input.waitFor();
    await input.fill(text);
    await this.page.keyboard.press("Enter");
  }

  /** The page with all runs, from which a new one starts. */
  async home() {
    const view = await this.view();
    const back = view.getByRole("button", { name: "‹ All runs" });
    if (await back.isVisible()) await back.click();
    await view.getByRole("button", { name: "Fix", exact: true }).waitFor();
    return view;
  }

  /** Have an issue fixed, from the view. */
  async fix(issue) {
    const view = await this.home();
    await view.locator("textarea").fill(issue);
    await view.getByRole("button", { name: "Fix", exact: true }).click();
    await view.locator(".head h2", { hasText: issue.split("\n")[0].slice(0, 40) }).waitFor();
    return view;
  }

  /** The run that is shown has ended; its state. */
  async ended() {
    const view = await this.view();
    await view.locator(".state:not(.working)").waitFor();
    return view.locator(".state").innerText();
  }

  async openFile(name, line = 1) {
    const input = this.page.locator(".quick-input-widget input").first();
    const label = this.page.locator(".label-name", { hasText: new RegExp(`^${name.replaceAll(".", "\\.")}$`) });
    const row = this.page.locator(".quick-input-list .monaco-list-row", { has: label }).first(); // what stands first is still changing
    const tab = this.page.locator(`.tab.active[data-resource-name="${name}"]`);
    await this.until(`the file '${name}'`, async () => { // an editor that opens just now closes the box again; rows still move
      await this.page.keyboard.press("Control+P");
      return input.fill(`${name}:${line}`, { timeout: 3_000 }).then(() => row.click({ timeout: 3_000 })).then(() => tab.waitFor({ timeout: 3_000 })).then(() => true, () => false);
    });
    await this.page.locator(".editor-group-container.active .monaco-editor .view-line").first().waitFor();
  }

  async closeEditors() {
    await this.palette("View: Close All Editors");
    await this.page.locator(".editor-group-watermark").first().waitFor();
  }

  /** A choice of an open context menu. */
  async menu(text) {
    const item = this.page.locator(".context-view .action-item, .monaco-menu .action-item", { hasText: text }).first();
    await item.waitFor();
    await this.until(`a menu that closes at '${text}'`, async () => { // one that has opened just now does not hear the click
      await item.click({ timeout: 3_000 }).catch(() => undefined);
      return item.waitFor({ state: "hidden", timeout: 2_000 }).then(() => true, () => false);
    });
  }

  /** Change our settings, until VS Code has read them; the extension starts anew. */
  async set(changes) {
    const title = `settings ${performance.now()}`;
    writeSettings(join(this.work, "home"), { ...this.settings, ...changes, "window.title": title });
    await this.until("the settings are read", async () => (await this.page.title()).includes(title), 50);
  }

  /** The files as they were committed. */
  reset() {
    for (const args of [["reset", "-q", "--hard"], ["clean", "-fdxq"]]) execFileSync("git", args, { cwd: this.repository });
  }

  file(name) {
    return readFileSync(join(this.repository, name), "utf8");
  }

  /** What has reached the endpoint, oldest first. */
  requests() {
    return readFileSync(join(this.work, "log.jsonl"), "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  /** The words of the user in the newest request of a scene. */
  async said(scene) {
    const found = await this.until(`a request of '${scene}'`, () => this.requests().findLast((one) => one.scene === scene));
    return found.said.join("\n");
  }
}
