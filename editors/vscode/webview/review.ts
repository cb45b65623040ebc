/** The patch under review: accept, reject, take back, by file or by hunk. */
import type { Decision } from "../src/hunks.js";
import { bounded } from "../src/plain.js";
import type { ShownFile, ShownHunk } from "../src/protocol.js";
import { type Child, button, element } from "./elements.js";
import { command, say } from "./host.js";

/** Lines of a hunk in the side bar; the diff editor has all. */
const LINES = 12;

export function reviewOf(files: readonly ShownFile[]): Child[] {
  if (!files.length) return [];
  const waiting = files.filter((file) => file.decision === "pending").length;
  const all = waiting > 0 && element("div", { class: "row buttons" },
    button("Accept all", command("kimi.acceptAll"), { class: "primary", key: "accept-all" }),
    button("Reject all", command("kimi.rejectAll"), { key: "reject-all" }));
  const noun = files.length === 1 ? "file" : "files";
  return [element("h3", {}, waiting ? `Patch · ${waiting} of ${files.length} ${noun} to review` : "Patch · reviewed"), all, element("ul", {}, ...files.map(fileOf))];
}

function fileOf(file: ShownFile): HTMLLIElement {
  const { path } = file;
  const name = button(bounded(path), () => say({ type: "diff", path }), { class: "link file", key: `diff ${path}`, title: "Open in the diff editor" });
  const status = file.binary ? `${file.status}, no text` : file.status;
  const badge = element("span", { class: `badge ${file.decision}` }, file.decision === "pending" ? status : decided(file));
  const head = element("div", { class: "row" }, name, badge, tools(file.decision, path, undefined, path));
  if (!file.hunks.length) return element("li", { class: "changed" }, head);
  const noun = file.hunks.length === 1 ? "hunk" : "hunks";
  return element("li", { class: "changed" }, head, element("details", { key: `hunks ${path}`, open: file.decision === "pending" },
    element("summary", {}, `${file.hunks.length} ${noun}`), element("ul", {}, ...file.hunks.map((hunk, index) => hunkOf(file, hunk, index)))));
}

/** A file's decision in a word; where its hunks differ, in numbers. */
function decided(file: ShownFile): string {
  const accepted = file.hunks.filter((hunk) => hunk.decision === "accepted").length;
  return accepted === 0 || accepted === file.hunks.length ? file.decision : `${accepted} of ${file.hunks.length} accepted`;
}

function hunkOf(file: ShownFile, hunk: ShownHunk, index: number): HTMLLIElement {
  const what = `the hunk at line ${hunk.line} of ${file.path}`;
  const lines = (kind: "removed" | "added", mark: string) => hunk[kind].slice(0, LINES).map((line) => element("span", { class: kind }, `${mark} ${bounded(line)}\n`));
  const cut = (hunk.removed.length > LINES || hunk.added.length > LINES) && element("span", { class: "note" }, "… more in the diff editor\n");
  return element("li", { class: `hunk ${hunk.decision}` },
    element("div", { class: "row" }, element("span", { class: "note" }, `line ${hunk.line}`, hunk.decision === "pending" ? "" : ` · ${hunk.decision}`), file.hunks.length > 1 && tools(hunk.decision, file.path, index, what)),
    element("pre", { class: "diff" }, ...lines("removed", "-"), ...lines("added", "+"), cut));
}

/** The buttons of a file or of one of its hunks. */
function tools(now: Decision, path: string, hunk: number | undefined, what: string): HTMLElement {
  const decide = (title: string, decision: Decision) => button(title, () => say({ type: "decide", path, decision, ...(hunk === undefined ? {} : { hunk }) }), { label: `${title} ${what}`, key: `${title} ${path} ${hunk ?? ""}` });
  return element("span", { class: "tools" }, ...(now === "pending" ? [decide("Accept", "accepted"), decide("Reject", "rejected")] : [decide("Undo", "pending")]));
}
