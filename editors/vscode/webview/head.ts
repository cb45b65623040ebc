/** What stands around a run: its state, plan and question; the list of runs; what is missing. */
import { bounded } from "../src/plain.js";
import type { Asking, Listed, ShownRun, State, Trouble } from "../src/protocol.js";
import { standing } from "../src/run.js";
import { type Child, button, element } from "./elements.js";
import { command, say } from "./host.js";

const LISTED = 30;
/** Outcomes whose reason says nothing more. */
const FINE: ReadonlySet<string> = new Set(["submitted", "answered", "cancelled"]);

export function headOf(run: ShownRun, now: State, page: "run" | "evidence"): Child[] {
  const [icon, text] = stateOf(run, now.asking);
  const outcome = run.told?.outcome;
  const facts = [
    run.spent,
    run.window > 1 && run.used > 0 ? `${Math.max(1, Math.round((100 * run.used) / run.window))} % of the window` : "",
    outcome ? `${outcome.steps} ${outcome.steps === 1 ? "step" : "steps"}` : "",
    outcome ? `${Math.round(outcome.seconds)} s` : "",
    [now.model, now.mode].filter(Boolean).join(" · "),
    run.place === "tree" ? "in your own files" : "",
  ].filter(Boolean);
  const title = bounded(run.title);
  return [
    page === "run" && element("div", { class: "row bar" }, button("‹ All runs", command("kimi.newRun"), { class: "link", key: "home" }),
      run.phase === "running" ? button("Cancel", command("kimi.cancel"), { key: "cancel" })
        : run.stopped ? button("Go on", command("kimi.goOn"), { class: "primary", key: "go-on" })
        : run.again && button("Try again", command("kimi.retry"), { class: "primary", key: "again" })),
    element("h2", { title }, title),
    element("div", { class: `state ${icon}`, role: "status" }, text),
    element("p", { class: "facts" }, facts.join(" · ")),
    run.trouble !== undefined && element("div", { role: "alert" }, element("p", { class: "trouble" }, bounded(run.trouble)), page === "run" && waysOut(run.way ?? "log", !run.stopped && !run.again)),
    run.phase === "done" && outcome && !FINE.has(outcome.status) && outcome.reason ? element("p", { class: "trouble", role: "alert" }, bounded(outcome.reason)) : undefined,
    page === "run" && run.phase === "done" && outcome?.status === "model_failed" && element("div", { class: "row buttons" },
      button("Enter another key", command("kimi.setKey"), { key: "key" }), button("Open the settings", command("kimi.openSettings"), { key: "settings" })),
  ];
}

function stateOf(run: ShownRun, asking: Asking | undefined): [string, string] {
  if (run.phase === "running") return asking ? ["warn", "Waits for your leave"] : ["working", "Working"];
  if (run.phase === "loading") return ["working", "Opening"];
  const [stands, text] = standing(run, run.stopped);
  return [stands === "stopped" ? "warn" : stands, text];
}

/** What helps when the program is not there, or does not work. */
function waysOut(way: Trouble["way"], again = true): Child {
  return element("div", { class: "row buttons" },
    again && button("Try again", command("kimi.retry"), { key: "retry" }),
    way === "install" && button("How to install it", command("kimi.walkthrough"), { class: "primary", key: "install" }),
    way === "install" && button("Open the settings", command("kimi.openSettings"), { key: "settings" }),
    button("Show the log", command("kimi.showLog"), { key: "log" }));
}

export function planOf(run: ShownRun | undefined): Child[] {
  if (!run?.plan.length) return [];
  const done = run.plan.filter((item) => item.status === "completed").length;
  const items = run.plan.map((item) => {
    const said = { pending: "to do", in_progress: "doing", completed: "done" }[item.status];
    return element("li", { class: item.status }, element("span", { class: "mark", label: said, role: "img" }), element("span", {}, bounded(item.text)));
  });
  return [element("details", { key: `plan ${run.phase}`, open: run.phase === "running" }, element("summary", {}, `Plan · ${done} of ${run.plan.length}`), element("ul", {}, ...items))];
}

export function askingOf(ask: Asking | undefined): Child[] {
  if (!ask) return [];
  const buttons = ask.options.map((option) => button(bounded(option.name), () => say({ type: "answer", option: option.id }), { key: option.id, class: option.kind === "allow_once" ? "primary" : "" }));
  const box = element("div", { role: "alertdialog", label: ask.title, tabIndex: -1, class: "question" },
    element("h3", {}, bounded(ask.title)),
    ask.call ? element("p", {}, element("span", { class: "note" }, "For "), element("code", {}, bounded(ask.call))) : undefined,
    ask.detail && ask.detail !== ask.title ? element("pre", { tabIndex: 0 }, bounded(ask.detail)) : undefined,
    element("p", { class: "note" }, `In ${ask.where}. Your answer holds for exactly this.`),
    element("div", { class: "row buttons" }, ...buttons));
  box.addEventListener("keydown", (event) => {
    const no = ask.options.find((option) => option.kind === "reject_once");
    if (event.key === "Escape" && no) say({ type: "answer", option: no.id });
  });
  return [box];
}

export function hintOf(now: State): Child[] {
  if (!now.folder) return [element("p", {}, "No folder is open. Kimi works in a repository: open its folder."), element("div", { class: "row buttons" }, button("Open a folder", command("vscode.openFolder"), { class: "primary", key: "folder" }))];
  if (now.trouble && now.run === undefined) return [element("div", { role: "alert" }, element("p", {}, bounded(now.trouble.text)), waysOut(now.trouble.way))];
  if (now.key !== "missing" || now.run?.phase === "running" || now.run?.told?.outcome.status === "submitted") return [];
  return [element("p", {}, "The tools work without a key: VS Code's own agent has them already. For the agent, enter a key of platform.moonshot.ai, openrouter.ai or Kimi Code (or set MOONSHOT_API_KEY, or keep it in the keyring); a local model needs none."),
    element("div", { class: "row buttons" }, button("Enter a key", command("kimi.setKey"), { class: "primary", key: "key" }), button("Get started", command("kimi.walkthrough"), { key: "start" }))];
}

const STATES: Record<Listed["state"], [string, string]> = {
  running: ["in_progress", "running"], asking: ["asks", "asks for your leave"], review: ["waiting", "to review"],
  done: ["completed", "done"], stopped: ["stopped", "stopped"], failed: ["failed", "failed"], "": ["", ""],
};

export function listOf(now: State): Child[] {
  if (now.run || !now.list.length) return [];
  const items = now.list.slice(0, LISTED).map((one) => {
    const [mark, said] = STATES[one.state];
    const title = bounded(one.title);
    return element("li", { class: "row" }, element("span", { class: `mark ${mark}`, ...(said ? { label: said, role: "img" } : {}) }),
      button(title, () => say({ type: "show", key: one.key }), { class: "link", key: one.key, title }),
      element("span", { class: "note" }, [one.folder, said && one.state !== "done" ? said : when(one.when)].filter(Boolean).join(" · ")),
      button("✕", () => say({ type: "delete", key: one.key }), { class: "link delete", key: `delete ${one.key}`, label: `Delete ${title}`, title: "Delete" }));
  });
  return [element("h3", {}, "Runs"), element("ul", {}, ...items)];
}

/** The time of today, else the day. */
function when(text: string): string {
  const date = new Date(text);
  if (!text || Number.isNaN(date.getTime())) return "";
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString(undefined, { timeStyle: "short" }) : date.toLocaleDateString(undefined, { dateStyle: "short" });
}
