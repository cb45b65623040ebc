import assert from "node:assert/strict";
import { test } from "node:test";
import { acp, needsKey, runTests, serve } from "../src/arguments.js";
import { QUOTED_CHARS, fromProblems, fromSelection, fromTest, titleOf } from "../src/issue.js";

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

test("problems are listed with their source", () => {
  const issue = fromProblems([{ message: "undefined name", source: "ruff", severity: "Error" }], { ...place, last: 3 });
  assert.match(issue, /this problem at its cause.*\n- Error \(ruff\): undefined name\n\nat a\.py:3:/);
});

test("a failing test comes with its message", () => {
  assert.match(fromTest("test_x", "t.py", " boom "), /test_x in t\.py fails.*\n\nIts message:\n\nboom$/);
  assert.doesNotMatch(fromTest("test_x", undefined, ""), /message/);
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
