/** The evidence: what the harness measured, before and after. */
import type { State } from "../src/protocol.js";
import { bounded } from "../src/plain.js";
import type { Reproduction, TestRun, Told } from "../src/told.js";
import { type Child, button, element } from "./elements.js";
import { command } from "./host.js";
import { markdown } from "./markdown.js";

export function proofOf(told: Told, now: State, page: "run" | "evidence"): Child[] {
  const summary = told.outcome.summary;
  const facts = factsOf(told);
  if (!facts.length && !told.files.length && !told.tests.length && !told.reproductions.length) return [];
  if (!facts.length) facts.push(["warn", "Nothing was measured on the final files."]);
  return [
    element("h3", {}, "Evidence"),
    element("p", { class: "note" }, "Measured by the harness while it ran; nothing here is the model's word."),
    element("ul", { class: "facts" }, ...facts.map(([kind, text]) => element("li", { class: kind }, element("span", { class: "mark", role: "img", label: { good: "good", bad: "bad", warn: "mind this" }[kind] }), element("span", {}, text)))),
    tablesOf(told, page),
    summary ? element("details", { key: "summary", open: page === "evidence" }, element("summary", {}, "The model's summary"), element("div", { class: "words" }, ...markdown(summary))) : undefined,
    checkOf(now),
    page === "run" && button("Open the evidence beside", command("kimi.evidence"), { class: "link", key: "evidence" }),
  ];
}

type Fact = ["good" | "bad" | "warn", string];

function factsOf(told: Told): Fact[] {
  const found = told.outcome.evidence;
  const facts: Fact[] = [];
  if (found.passes_after !== null || found.reproduced_before !== null) {
    const before = found.reproduced_before ? "fails" : "does not fail";
    facts.push([found.passes_after && found.reproduced_before ? "good" : "warn", `Reproduction: ${before} before, ${found.passes_after ? "passes" : "fails"} after`]);
  }
  if (found.fixed.length) facts.push(["good", `${count(found.fixed.length, "test")} fixed: ${some(found.fixed)}`]);
  if (found.passing) facts.push(["good", `${count(found.passing, "test")} passing after`]);
  if (found.broken.length) facts.push(["bad", `${count(found.broken.length, "test")} broken: ${some(found.broken)}`]);
  if (found.failing.length) facts.push(["warn", `${count(found.failing.length, "test")} failing after, not seen before: ${some(found.failing)}`]);
  for (const problem of found.problems) facts.push(["warn", bounded(problem)]);
  return facts;
}

/** Every measured run; folded in the side bar, where there is little room. */
function tablesOf(told: Told, page: "run" | "evidence"): Child {
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
  const body = runs.map((one, index) => {
    const more = bounded(output(one).trim());
    const line = element("code", {}, bounded(one.command).replace(/ \{\}$/, ""));
    return element("tr", {}, element("td", {}, one.before ? "before" : "after"),
      element("td", { class: good(one) ? "good" : "bad" }, element("span", { class: "mark", role: "img", label: good(one) ? "passed" : "failed" }), ` ${said(one)}`),
      element("td", {}, more ? element("details", { key: `${title} ${index}` }, element("summary", {}, line), element("pre", { tabIndex: 0 }, more)) : line));
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
  const run = button(checked?.running ? "Running the tests…" : "Run the tests on my files", command("kimi.runTests"), { key: "check", disabled: checked?.running ?? false });
  const result = checked && !checked.running ? element("div", { class: `check ${checked.passed ? "good" : "bad"}`, role: "status" },
    element("span", { class: "mark", role: "img", label: checked.passed ? "passed" : "failed" }), element("span", {}, ` ${bounded(checked.text.split("\n", 1)[0] ?? "")}`),
    element("details", { key: "checked" }, element("summary", {}, "Output"), element("pre", { tabIndex: 0 }, bounded(checked.text)))) : undefined;
  return element("div", { class: "checking" }, run, result);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 5).map(bounded).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
