import assert from "node:assert/strict";
import { test } from "node:test";
import { acp, needsKey, runTests, serve } from "../src/arguments.js";
import { QUOTED_CHARS, fromCommand, fromProblems, fromSelection, fromTest, titleOf } from "../src/issue.js";

const place = { path: "a.py", first: 3, last: 4, text: "x = ```1```\ny = 2" };
const plain = { command: ["kimi-mcp"], model: "", baseUrl: "", mode: "thinking", maxCost: 0, maxMinutes: 60, place: "copy", toolsets: "" } as const;

test("a selection is quoted in a fence that its own text cannot close", () => {
  const issue = fromSelection("It is wrong.", place);
  assert.match(issue, /^It is wrong\.\n\nIt is about a\.py:3-4:\n\n````\n/);
  assert.ok(issue.endsWith("\n````"));
});

test("a long selection is cut", () => {
  assert.ok(fromSelection("Look", { ...place, text: "x".repeat(5 * QUOTED_CHARS) }).length < QUOTED_CHARS + 200);
});

test("problems are listed with their source, code and line", () => {
  const issue = fromProblems([{ message: "undefined name", source: "ruff", code: "F821", severity: "Error", line: 3 }], { ...place, last: 3 });
  assert.match(issue, /this problem at its cause.*\n- Error \(ruff F821\) in line 3: undefined name\n\nat a\.py:3:/);
});

test("a failing test comes with its id, place and message", () => {
  assert.match(fromTest({ name: "test_x", id: "t.T.test_x", at: "t.py:4", message: " boom " }), /test_x \(t\.T\.test_x, t\.py:4\) fails.*\n\nIts message:\n\n```\nboom\n```$/);
  assert.match(fromTest({ name: "test_x", id: "test_x", at: "", message: "" }), /^The test test_x fails\. [^\n]*$/);
});

test("a failed command comes with its folder, exit code and the end of its output", () => {
  const issue = fromCommand({ command: "pytest -x", cwd: "/r", exitCode: 2, output: `${"x".repeat(2 * QUOTED_CHARS)}\nE  boom\n` });
  assert.match(issue, /^The command `pytest -x` fails with exit code 2 in \/r\./);
  assert.ok(issue.endsWith("E  boom\n```") && issue.length < QUOTED_CHARS + 300);
  assert.match(fromCommand({ command: "make", cwd: "", exitCode: 2, output: " \n" }), /with exit code 2\. [^\n]*\n\nIts output is not known: run it\.$/);
});

test("a title is the first line, without its marks and not too long", () => {
  assert.equal(titleOf("\n# Crash\nmore"), "Crash");
  assert.equal(titleOf("x".repeat(200)).length, 80);
});

test("settings become arguments, and no key is among them", () => {
  assert.deepEqual(acp(plain), { program: "kimi-mcp", args: ["acp", "--max-time", "60"] });
  const set = { ...plain, command: ["uvx", "kimi-mcp"], model: "m", baseUrl: "u", maxCost: 1.5, toolsets: "all" };
  assert.deepEqual(acp(set).args, ["kimi-mcp", "acp", "--model", "m", "--base-url", "u", "--max-cost", "1.5", "--max-time", "60"]);
  assert.deepEqual(serve(set, "/r").args, ["kimi-mcp", "serve", "--root", "/r", "--toolsets", "all"]);
  assert.deepEqual(runTests(plain, "/r").args, ["call", "--root", "/r", "run_tests"]);
});

test("only hosts elsewhere need a key", () => {
  assert.deepEqual(["", "moonshot", "https://api.example.org/v1", "http://127.0.0.1:1/v1", "http://localhost:2", "http://[::1]:3/v1", "ollama"].map(needsKey), [true, true, true, false, false, false, false]);
});
