/** The webview: shows the state that the extension sends. Whatever comes from a model is set as text, never as markup. */
import type { FromWebview, ShownFile, State, ToWebview } from "../src/protocol.js";
import type { Entry, Run } from "../src/run.js";
import type { Reproduction, TestRun, Told } from "../src/told.js";

declare function acquireVsCodeApi(): { postMessage(message: FromWebview): void };
const host = acquireVsCodeApi();
const say = (message: FromWebview) => host.postMessage(message);

type Child = Node | string | undefined | false;
interface Attributes {
  readonly class?: string;
  readonly click?: () => void;
  readonly label?: string;
  readonly role?: string;
  readonly title?: string;
  readonly key?: string;
  readonly open?: boolean;
  readonly disabled?: boolean;
}

function element<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (attributes.class) made.className = attributes.class;
  if (attributes.label) made.setAttribute("aria-label", attributes.label);
  if (attributes.role) made.setAttribute("role", attributes.role);
  if (attributes.title) made.title = attributes.title;
  if (attributes.key) made.dataset.key = attributes.key;
  if (attributes.open && made instanceof HTMLDetailsElement) made.open = true;
  if (attributes.disabled && made instanceof HTMLButtonElement) made.disabled = true;
  if (attributes.click) made.addEventListener("click", attributes.click);
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

function button(text: string, click: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element("button", { ...attributes, click }, text);
  made.type = "button";
  return made;
}

/** A part of the page that is made anew only when what it shows has changed. */
class Part {
  private last = "";
  constructor(readonly node: HTMLElement) {}

  show(what: unknown, make: () => Child[]): void {
    const now = JSON.stringify([what]);
    if (now === this.last) return;
    this.last = now;
    const focused = document.activeElement instanceof HTMLElement && this.node.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    const unfolded = new Map([...this.node.querySelectorAll<HTMLDetailsElement>("details[data-key]")].map((one) => [one.dataset.key, one.open]));
    const children = make().filter((child) => child !== undefined && child !== false);
    this.node.replaceChildren(...children);
    this.node.hidden = children.length === 0;
    for (const one of this.node.querySelectorAll<HTMLDetailsElement>("details[data-key]")) one.open = unfolded.get(one.dataset.key) ?? one.open;
    if (focused) this.node.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }
}

const page = document.body.dataset.page;
const root = document.getElementById("root") ?? document.body;
const part = (tag: "section" | "header" | "ol", name: string, label?: string) => new Part(element(tag, { class: name, ...(label ? { label } : {}) }));
const head = part("header", "head");
const plan = part("section", "plan", "Plan");
const stream = element("ol", { class: "stream", label: "What the agent thinks and does", role: "log" });
const asking = part("section", "asking", "The agent asks");
const review = part("section", "review", "Patch");
const proof = part("section", "proof", "Evidence");
const earlier = part("section", "earlier", "Earlier runs");
const hint = part("section", "hint", "Key");
const words = element("textarea", { label: "The issue" });
const send = button("Fix", submit, { class: "primary" });
const composer = element("form", { class: "composer" }, words, element("div", { class: "row" }, element("span", { class: "note", key: "note" }), send));
let state: State | undefined;
const rows = new Map<string, { json: string; node: HTMLLIElement }>();

function submit(): void {
  const text = words.value.trim();
  if (!text) return;
  words.value = "";
  say(state?.run ? { type: "steer", text } : { type: "fix", text });
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
words.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    submit();
  }
});
words.rows = 4;

window.addEventListener("message", (event: MessageEvent<ToWebview>) => {
  if (event.data.type === "focus") words.focus();
  else {
    state = event.data.state;
    render(state);
  }
});

if (page === "evidence") root.append(head.node, proof.node);
else root.append(hint.node, head.node, asking.node, review.node, proof.node, plan.node, stream, composer, earlier.node);
say({ type: "ready" });

function render(now: State): void {
  const run = now.run;
  head.show([page, run?.title, run?.phase, run?.stop, run?.trouble, run?.cost, run?.used, run?.window, run?.told?.outcome, now.mode, now.model], () => (run ? headOf(run, now) : page === "evidence" ? [element("p", { class: "note" }, "No run yet.")] : []));
  proof.show([run?.told, run?.phase, now.checked], () => (run?.told && run.phase === "done" ? proofOf(run.told, now) : []));
  if (page === "evidence") return;
  hint.show([now.key, run?.phase, run?.told?.outcome.status], () => hintOf(now));
  plan.show([run?.plan, run?.phase], () => planOf(run));
  streamOf(run);
  asking.show(now.asking, () => askingOf(now));
  review.show([now.files, run?.phase], () => (run?.phase === "done" ? reviewOf(now.files) : []));
  earlier.show([run === undefined, now.earlier], () => earlierOf(now));
  composerOf(now);
}

function headOf(run: Run, now: State): Child[] {
  const [icon, text] = stateOf(run);
  const outcome = run.told?.outcome;
  const facts = [
    run.cost > 0 ? `$${run.cost.toFixed(run.cost < 0.1 ? 4 : 2)}` : run.used > 0 ? "no price known" : "",
    run.used > 0 && run.window > 1 ? `${Math.round(run.used / 1000)}k of ${Math.round(run.window / 1000)}k tokens` : "",
    outcome ? `${outcome.steps} steps` : "",
    outcome ? `${Math.round(outcome.seconds)} s` : "",
    [now.model, now.mode].filter(Boolean).join(" · "),
  ].filter(Boolean);
  return [
    element("h2", { title: run.title }, run.title),
    element("div", { class: "row" }, element("span", { class: `state ${icon}`, role: "status" }, text),
      run.phase === "running" ? button("Cancel", () => say({ type: "command", command: "kimi.cancel" }), { key: "cancel" })
        : page === "run" && button("New run", () => say({ type: "command", command: "kimi.newRun" }), { key: "new" })),
    element("p", { class: "facts" }, facts.join(" · ")),
    run.trouble !== undefined && element("p", { class: "trouble", role: "alert" }, run.trouble),
    run.phase === "done" && outcome && outcome.status !== "submitted" && outcome.reason ? element("p", { class: "trouble" }, outcome.reason) : undefined,
  ];
}

function stateOf(run: Run): [string, string] {
  if (run.phase === "running") return ["working", "Working"];
  if (run.trouble !== undefined) return ["bad", "Failed"];
  const status = run.told?.outcome.status;
  if (status === "submitted") return run.told?.verified ? ["good", "Fixed, and measured"] : ["warn", "Submitted, not verified"];
  if (status === "cancelled" || run.stop === "cancelled") return ["warn", "Cancelled"];
  if (status === "limit") return ["warn", "Stopped at its limit"];
  if (status === "stuck") return ["warn", "Stuck"];
  if (status === "model_failed" || status === "crashed") return ["bad", "Failed"];
  return ["", "Answered"];
}

function planOf(run: Run | undefined): Child[] {
  if (!run?.plan.length) return [];
  const done = run.plan.filter((item) => item.status === "completed").length;
  const items = run.plan.map((item) => {
    const said = { pending: "to do", in_progress: "doing", completed: "done" }[item.status];
    return element("li", { class: item.status }, element("span", { class: "mark", label: said, role: "img" }), element("span", {}, item.text));
  });
  return [element("details", { key: `plan ${run.phase}`, open: run.phase === "running" }, element("summary", {}, `Plan · ${done} of ${run.plan.length}`), element("ul", {}, ...items))];
}

/** Entries are kept by id, so that what has not changed is not touched and the reader's place stays. */
function streamOf(run: Run | undefined): void {
  const entries = run?.entries ?? [];
  const atEnd = stream.scrollHeight - stream.scrollTop - stream.clientHeight < 40;
  const there = new Set(entries.map((entry) => entry.id));
  for (const [id, row] of rows)
    if (!there.has(id)) {
      row.node.remove();
      rows.delete(id);
    }
  entries.forEach((entry, index) => {
    const json = JSON.stringify(entry);
    let row = rows.get(entry.id);
    if (!row) {
      row = { json: "", node: element("li", { class: entry.kind }) };
      rows.set(entry.id, row);
    }
    if (row.json !== json) {
      const unfolded = row.node.querySelector("details")?.open;
      row.node.replaceChildren(...entryOf(entry));
      const details = row.node.querySelector("details");
      if (details && unfolded !== undefined) details.open = unfolded;
      row.json = json;
    }
    if (stream.children[index] !== row.node) stream.insertBefore(row.node, stream.children[index] ?? null);
  });
  stream.hidden = entries.length === 0;
  if (atEnd) stream.scrollTop = stream.scrollHeight;
}

function entryOf(entry: Entry): Node[] {
  if (entry.kind !== "call") {
    const name = { thought: "Thought", message: "Kimi", user: "You" }[entry.kind];
    return [element("span", { class: "name" }, name), element("div", { class: "text" }, entry.text.trimEnd())];
  }
  const said = { pending: "waiting", in_progress: "running", completed: "done", failed: "failed" }[entry.status];
  const mark = element("span", { class: `mark ${entry.status}`, label: said, role: "img" });
  const counts = entry.added === undefined ? undefined : element("span", { class: "counts" }, element("span", { class: "added" }, `+${entry.added}`), " ", element("span", { class: "removed" }, `−${entry.removed ?? 0}`));
  const { path } = entry;
  const open = path === undefined ? undefined : button("Open", () => say({ type: "open", path }), { class: "link", label: `Open ${path}` });
  const title = element("summary", {}, mark, element("span", { class: "title" }, entry.title), counts);
  return [element("details", {}, title, element("div", { class: "row" }, element("span", { class: "note" }, entry.tool), open), entry.output ? element("pre", {}, entry.output) : element("p", { class: "note" }, "No output."))];
}

function askingOf(now: State): Child[] {
  const ask = now.asking;
  if (!ask) return [];
  const buttons = ask.options.map((option) => button(option.name, () => say({ type: "answer", option: option.id }), { key: option.id, class: option.kind === "allow_once" ? "primary" : "" }));
  return [element("div", { role: "alertdialog", label: ask.title }, element("h3", {}, ask.title), ask.detail ? element("pre", {}, ask.detail) : undefined, element("div", { class: "row buttons" }, ...buttons))];
}

function reviewOf(files: readonly ShownFile[]): Child[] {
  if (!files.length) return [];
  const waiting = files.filter((file) => file.decision === "pending").length;
  const all = waiting > 0 && element("div", { class: "row buttons" },
    button("Accept all", () => say({ type: "command", command: "kimi.acceptAll" }), { class: "primary", key: "accept-all" }),
    button("Reject all", () => say({ type: "command", command: "kimi.rejectAll" }), { key: "reject-all" }));
  return [element("h3", {}, waiting ? `Patch · ${waiting} of ${files.length} ${files.length === 1 ? "file" : "files"} to review` : "Patch · reviewed"), all, element("ul", {}, ...files.map(fileOf))];
}

function fileOf(file: ShownFile): HTMLLIElement {
  const { path } = file;
  const decide = (accept: boolean, hunk?: number) => () => say({ type: "decide", path, accept, ...(hunk === undefined ? {} : { hunk }) });
  const name = button(path, () => say({ type: "diff", path }), { class: "link file", key: `diff ${path}`, title: "Open in the diff editor" });
  const badge = element("span", { class: `badge ${file.decision}` }, file.decision === "pending" ? file.status : file.decision);
  const tools = file.decision === "pending" && element("span", { class: "tools" },
    button("Accept", decide(true), { label: `Accept ${path}`, key: `accept ${path}` }), button("Reject", decide(false), { label: `Reject ${path}`, key: `reject ${path}` }));
  const hunks = file.hunks.map((hunk, index) => element("li", { class: `hunk ${hunk.decision}` },
    element("div", { class: "row" }, element("span", { class: "note" }, `line ${hunk.line}`, hunk.decision === "pending" ? "" : ` · ${hunk.decision}`),
      hunk.decision === "pending" && file.hunks.length > 1 && element("span", { class: "tools" },
        button("Accept", decide(true, index), { label: `Accept the hunk at line ${hunk.line} of ${path}`, key: `accept ${path} ${index}` }),
        button("Reject", decide(false, index), { label: `Reject the hunk at line ${hunk.line} of ${path}`, key: `reject ${path} ${index}` }))),
    element("pre", { class: "diff" }, ...hunk.removed.slice(0, 12).map((line) => element("span", { class: "removed" }, `- ${line}\n`)), ...hunk.added.slice(0, 12).map((line) => element("span", { class: "added" }, `+ ${line}\n`)),
      hunk.removed.length > 12 || hunk.added.length > 12 ? element("span", { class: "note" }, "… more in the diff editor\n") : undefined)));
  return element("li", { class: "changed" }, element("div", { class: "row" }, name, badge, tools), element("details", { key: `hunks ${path}`, open: file.decision === "pending" },
    element("summary", {}, `${file.hunks.length} ${file.hunks.length === 1 ? "hunk" : "hunks"}`), element("ul", {}, ...hunks)));
}

function proofOf(told: Told, now: State): Child[] {
  const found = told.outcome.evidence;
  const facts: [string, string][] = [];
  if (found.passes_after !== null || found.reproduced_before !== null) {
    const before = found.reproduced_before ? "fails" : "does not fail";
    facts.push([found.passes_after && found.reproduced_before ? "good" : "warn", `Reproduction: ${before} before, ${found.passes_after ? "passes" : "fails"} after`]);
  }
  if (found.fixed.length) facts.push(["good", `${count(found.fixed.length, "test")} fixed: ${some(found.fixed)}`]);
  if (found.passing) facts.push(["good", `${count(found.passing, "test")} passing after`]);
  if (found.broken.length) facts.push(["bad", `${count(found.broken.length, "test")} broken: ${some(found.broken)}`]);
  if (found.failing.length) facts.push(["warn", `${count(found.failing.length, "test")} failing after, not seen before: ${some(found.failing)}`]);
  for (const problem of found.problems) facts.push(["warn", problem]);
  if (!facts.length) facts.push(["warn", "Nothing was measured on the final files."]);
  return [
    element("h3", {}, "Evidence"),
    element("p", { class: "note" }, "Measured by the harness while it ran; nothing here is the model's word."),
    element("ul", { class: "facts" }, ...facts.map(([kind, text]) => element("li", { class: kind }, element("span", { class: "mark", role: "img", label: kind === "good" ? "good" : kind === "bad" ? "bad" : "mind this" }), element("span", {}, text)))),
    tablesOf(told),
    told.outcome.summary ? element("details", { key: "summary", open: page === "evidence" }, element("summary", {}, "The model's summary"), element("p", { class: "text" }, told.outcome.summary)) : undefined,
    checkOf(now),
    page === "run" && button("Open the evidence beside", () => say({ type: "command", command: "kimi.evidence" }), { class: "link", key: "evidence" }),
  ];
}

/** Every measured run; folded in the side bar, where there is little room. */
function tablesOf(told: Told): Child {
  const tables: Child[] = [
    told.reproductions.length > 0 && measured("Reproduction", told.reproductions, (one) => one.exit_code === 0, (one) => `exit code ${one.exit_code}`, (one) => one.output),
    told.tests.length > 0 && measured("Tests", told.tests, (one) => one.failed.length === 0 && !one.errors, testsSaid, (one) => [...one.failed.map((name) => `failed  ${name}`), one.errors].filter(Boolean).join("\n")),
  ];
  if (!told.reproductions.length && !told.tests.length) return undefined;
  return page === "evidence" ? element("div", {}, ...tables) : element("details", { key: "runs" }, element("summary", {}, "What was run, before and after"), ...tables);
}

function testsSaid(one: TestRun): string {
  return one.errors ? "could not run" : [`${one.passed} passed`, one.failed.length ? `${one.failed.length} failed` : "", one.skipped ? `${one.skipped} skipped` : ""].filter(Boolean).join(", ");
}

/** Runs before and after as a table: when, result, command, output on demand. */
function measured<T extends Reproduction | TestRun>(title: string, runs: readonly T[], good: (run: T) => boolean, said: (run: T) => string, output: (run: T) => string): HTMLElement {
  const body = runs.map((one) => {
    const more = output(one).trim();
    const command = element("code", {}, one.command);
    return element("tr", {}, element("td", {}, one.before ? "before" : "after"),
      element("td", { class: good(one) ? "good" : "bad" }, element("span", { class: "mark", role: "img", label: good(one) ? "passed" : "failed" }), ` ${said(one)}`),
      element("td", {}, more ? element("details", { key: `${title} ${runs.indexOf(one)}` }, element("summary", {}, command), element("pre", {}, more)) : command));
  });
  const heads = ["When", "Result", "Command"].map((name) => {
    const cell = element("th", {}, name);
    cell.scope = "col";
    return cell;
  });
  return element("table", {}, element("caption", {}, title), element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...body));
}

function checkOf(now: State): HTMLElement {
  const { checked } = now;
  const run = button(checked?.running ? "Running the tests…" : "Run the tests on my files", () => say({ type: "command", command: "kimi.runTests" }), { key: "check", disabled: checked?.running ?? false });
  const result = checked && !checked.running ? element("div", { class: `check ${checked.passed ? "good" : "bad"}`, role: "status" },
    element("span", { class: "mark", role: "img", label: checked.passed ? "passed" : "failed" }), element("span", {}, ` ${checked.text.split("\n", 1)[0] ?? ""}`),
    element("details", { key: "checked" }, element("summary", {}, "Output"), element("pre", {}, checked.text))) : undefined;
  return element("div", { class: "checking" }, run, result);
}

function hintOf(now: State): Child[] {
  if (now.key !== "missing" || now.run?.phase === "running" || now.run?.told?.outcome.status === "submitted") return [];
  return [element("p", {}, "The tools work without a key: VS Code's own agent has them already. For the agent, enter a key of platform.moonshot.ai, openrouter.ai or Kimi Code (or set MOONSHOT_API_KEY, or keep it in the keyring); a local model needs none."),
    element("div", { class: "row buttons" }, button("Enter a key", () => say({ type: "command", command: "kimi.setKey" }), { class: "primary", key: "key" }), button("Get started", () => say({ type: "command", command: "kimi.walkthrough" }), { key: "start" }))];
}

function earlierOf(now: State): Child[] {
  if (now.run || !now.earlier.length) return [];
  const items = now.earlier.slice(0, 30).map((one) => element("li", {}, button(one.title, () => say({ type: "load", id: one.id }), { class: "link", key: one.id, title: one.title }), element("span", { class: "note" }, when(one.when))));
  return [element("h3", {}, "Earlier runs"), element("ul", {}, ...items)];
}

function when(text: string): string {
  const date = new Date(text);
  return text && !Number.isNaN(date.getTime()) ? date.toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" }) : "";
}

function composerOf(now: State): void {
  const running = now.run?.phase === "running";
  words.placeholder = running ? "Tell it what to mind…" : now.run ? "Ask or order something more…" : "What is wrong? Paste an issue, an error, a stack trace…";
  words.setAttribute("aria-label", running ? "Words for the run under way" : now.run ? "Further words" : "The issue");
  send.textContent = running ? "Tell" : now.run ? "Send" : "Fix";
  const note = composer.querySelector(".note");
  if (note) note.textContent = now.folder ? `in ${now.folder} · Ctrl+Enter` : "Open a folder first";
  send.disabled = !now.folder;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function some(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
}
