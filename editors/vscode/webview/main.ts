/** The webview: shows the state that the extension sends. Whatever comes from a model is set as text, never as markup. */
import type { State, ToWebview } from "../src/protocol.js";
import { button, element, part } from "./elements.js";
import { proofOf } from "./evidence.js";
import { askingOf, headOf, hintOf, listOf, planOf } from "./head.js";
import { say } from "./host.js";
import { reviewOf } from "./review.js";
import { Stream } from "./stream.js";

const page = document.body.dataset.page === "evidence" ? "evidence" : "run";
const root = document.getElementById("root") ?? document.body;
const hint = part("section", "hint", "What is missing");
const head = part("header", "head");
const asking = part("section", "asking", "The agent asks");
const review = part("section", "review", "Patch");
const proof = part("section", "proof", "Evidence");
const plan = part("section", "plan", "Plan");
const stream = new Stream();
const list = part("section", "list", "Runs");
const words = element("textarea", { label: "The issue" });
const send = button("Fix", submit, { class: "primary" });
const note = element("span", { class: "note" });
const composer = element("form", { class: "composer" }, words, element("div", { class: "row" }, note, send));
let state: State | undefined;

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
  if (event.data.type === "focus") {
    words.focus();
    return;
  }
  const other = event.data.state.run?.key !== state?.run?.key;
  state = event.data.state;
  if (page === "run") stream.take(event.data.delta);
  render(state);
  if (other) window.scrollTo(0, 0);
});

if (page === "evidence") root.append(head.node, proof.node);
else root.append(hint.node, head.node, asking.node, review.node, proof.node, plan.node, stream.node, composer, list.node);
say({ type: "ready" });

function render(now: State): void {
  const run = now.run;
  const { doing, ...facts } = run ?? { doing: "" };
  head.show([page, facts, now.asking !== undefined, now.mode, now.model], () => (run ? headOf(run, now, page) : page === "evidence" ? [element("p", { class: "note" }, "No run yet.")] : []));
  proof.show([run?.told, run?.phase, now.checked], () => (run?.told && run.phase === "done" ? proofOf(run.told, now, page) : []));
  if (page === "evidence") return;
  hint.show([now.folder, now.key, now.trouble, run?.phase, run?.told?.outcome.status], () => hintOf(now));
  plan.show([run?.plan, run?.phase], () => planOf(run));
  // the question is read out and reached by the next Tab; it takes no key away from words being typed
  if (asking.show(now.asking, () => askingOf(now.asking)) && now.asking && words.value === "") asking.node.querySelector<HTMLElement>(".question")?.focus();
  review.show([now.files, run?.phase], () => (run?.phase === "done" ? reviewOf(now.files) : []));
  list.show([run === undefined, now.list], () => listOf(now));
  composerOf(now);
}

function composerOf(now: State): void {
  const running = now.run?.phase === "running";
  const further = now.run !== undefined && !now.run.again;
  words.placeholder = running ? "Tell it what to mind…" : further ? "Ask or order something more…" : "What is wrong? Paste an issue, an error, a stack trace…";
  words.setAttribute("aria-label", running ? "Words for the run under way" : further ? "Further words" : "The issue");
  send.textContent = running ? "Tell" : further ? "Send" : "Fix";
  note.textContent = now.folder ? `in ${now.folder} · Ctrl+Enter` : "";
  send.disabled = !now.folder || now.run?.phase === "loading";
}
