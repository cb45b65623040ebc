/** What the agent thinks and does. Long runs stay quick: old entries wait folded, outputs are made when they are opened. */
import type { Delta } from "../src/protocol.js";
import { bounded } from "../src/plain.js";
import type { Called, Entry, Said } from "../src/run.js";
import { button, element, fold } from "./elements.js";
import { say } from "./host.js";
import { markdown } from "./markdown.js";

/** Entries on the page; more on demand. */
const SHOWN = 80;
/** Thoughts above this are folded to their first lines, once another entry follows. */
const LONG_CHARS = 420;
const NEAR_END = 40;

export class Stream {
  readonly node = element("section", { class: "streaming", label: "What the agent thinks and does" });
  private readonly list = element("ol", { class: "stream" });
  private readonly more = button("", () => this.showMore(), { class: "link more" });
  private readonly entries = new Map<string, Entry>();
  private readonly rows = new Map<string, HTMLLIElement>();
  private readonly unfolded = new Set<string>();
  private limit = SHOWN;
  private last: string | undefined;
  /** Whether the reader is at the end, so that the list follows. */
  private following = true;

  constructor() {
    this.list.addEventListener("scroll", () => (this.following = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR_END), { passive: true });
    this.list.tabIndex = 0; // so that the keyboard can scroll it
    this.node.append(this.more, this.list);
    this.node.hidden = true;
  }

  /** Take what has changed. */
  take(delta: Delta): void {
    if (delta.anew) this.clear();
    for (const id of delta.gone) this.drop(id);
    const before = this.last;
    for (const entry of delta.changed) {
      const known = this.entries.has(entry.id);
      this.entries.set(entry.id, entry);
      if (!known) this.last = entry.id;
      if (this.rows.has(entry.id)) this.draw(entry);
      else if (!known) this.add(entry);
    }
    const followed = before !== undefined && before !== this.last ? this.entries.get(before) : undefined;
    if (followed?.kind === "thought" && this.rows.has(followed.id)) this.draw(followed);
    if (this.following) this.trim();
    this.label();
    if (this.following) this.list.scrollTop = this.list.scrollHeight;
  }

  private clear(): void {
    this.entries.clear();
    this.rows.clear();
    this.unfolded.clear();
    this.list.replaceChildren();
    this.limit = SHOWN;
    this.last = undefined;
    this.following = true;
  }

  private drop(id: string): void {
    this.entries.delete(id);
    this.rows.get(id)?.remove();
    this.rows.delete(id);
  }

  private add(entry: Entry): void {
    const row = element("li", { class: entry.kind });
    this.rows.set(entry.id, row);
    this.list.append(row);
    this.draw(entry);
  }

  /** The oldest rows leave the page, while the reader follows the end. */
  private trim(): void {
    for (const [id, row] of this.rows) {
      if (this.rows.size <= this.limit) return;
      row.remove();
      this.rows.delete(id);
    }
  }

  private showMore(): void {
    this.limit += SHOWN;
    const ids = [...this.entries.keys()].slice(-this.limit);
    const first = this.list.firstElementChild;
    const old = [...this.rows];
    this.rows.clear();
    for (const id of ids) {
      const known = old.find(([name]) => name === id)?.[1];
      const entry = this.entries.get(id);
      if (!entry) continue;
      const row = known ?? element("li", { class: entry.kind });
      this.rows.set(id, row);
      if (known) continue;
      this.list.insertBefore(row, first);
      this.draw(entry);
    }
    this.label();
    first?.scrollIntoView({ block: "start" });
  }

  private label(): void {
    const hidden = this.entries.size - this.rows.size;
    this.more.hidden = hidden <= 0;
    this.more.textContent = `Show ${Math.min(hidden, SHOWN)} of ${hidden} earlier`;
    this.node.hidden = this.entries.size === 0;
  }

  private draw(entry: Entry): void {
    const row = this.rows.get(entry.id);
    if (!row) return;
    const open = row.querySelector("details")?.open ?? false;
    const focused = row.contains(document.activeElement);
    row.replaceChildren(...(entry.kind === "call" ? called(entry, open) : this.said(entry)));
    if (focused) row.querySelector<HTMLElement>("summary, button")?.focus();
  }

  private said(entry: Said): Node[] {
    const name = element("span", { class: "name" }, { thought: "Thought", message: "Kimi", user: "You" }[entry.kind]);
    if (entry.kind === "message") return [name, element("div", { class: "words" }, ...markdown(entry.text.trim()))];
    const text = element("div", { class: "text" }, bounded(entry.text.trimEnd()));
    if (entry.kind !== "thought" || entry.id === this.last || entry.text.length < LONG_CHARS) return [name, text];
    const open = this.unfolded.has(entry.id);
    text.classList.toggle("clamped", !open);
    const toggle = button(open ? "Less" : "More", () => {
      if (!this.unfolded.delete(entry.id)) this.unfolded.add(entry.id);
      this.draw(entry);
    }, { class: "link", label: open ? "Fold this thought" : "Show the whole thought" });
    toggle.setAttribute("aria-expanded", String(open));
    return [name, text, toggle];
  }
}

function called(entry: Called, open: boolean): Node[] {
  const said = { pending: "waiting", in_progress: "running", completed: "done", failed: "failed" }[entry.status];
  const mark = element("span", { class: `mark ${entry.status}`, label: said, role: "img" });
  const counts = entry.added === undefined ? undefined : element("span", { class: "counts" }, element("span", { class: "added" }, `+${entry.added}`), " ", element("span", { class: "removed" }, `−${entry.removed ?? 0}`));
  const { path } = entry;
  const link = path === undefined ? undefined : button("Open the file", () => say({ type: "open", path }), { class: "link", label: `Open ${path}` });
  const title = bounded(entry.title);
  const summary = element("summary", {}, mark, element("span", { class: "title", title: title.slice(0, 500) }, title), counts);
  return [fold({ open }, summary, () => [
    element("div", { class: "row" }, element("span", { class: "note" }, entry.tool), link),
    title.length > 40 && element("p", { class: "whole" }, title),
    entry.output ? element("pre", { tabIndex: 0 }, bounded(entry.output)) : element("p", { class: "note" }, "No output."),
  ])];
}
