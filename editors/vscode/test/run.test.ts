import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionUpdate } from "@agentclientprotocol/sdk";
import { type Called, ENTRIES, TEXT_CHARS, begun, doing, ended, reduce, spent, standing } from "../src/run.js";
import { safe, toldIn } from "../src/told.js";

const thought = (text: string): SessionUpdate => ({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text } });
const message = (text: string): SessionUpdate => ({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } });
const after = (...updates: SessionUpdate[]) => updates.reduce(reduce, begun("an issue"));

test("pieces of one thought are one entry, and an answer behind it another", () => {
  const run = after(thought("I "), thought("see."), message("Done"), thought("Hm."));
  assert.deepEqual(run.entries.map((entry) => (entry.kind === "call" ? "" : `${entry.kind}: ${entry.text}`)), ["thought: I see.", "message: Done", "thought: Hm."]);
  assert.equal(new Set(run.entries.map((entry) => entry.id)).size, 3);
});

test("two answers in a row are two entries, where the agent tells them apart", () => {
  const piece = (text: string, messageId: string): SessionUpdate => ({ sessionUpdate: "agent_message_chunk", content: { type: "text", text }, messageId });
  const run = after(piece("It ", "1"), piece("doubles.", "1"), piece("Still so.", "2"));
  assert.deepEqual(run.entries.map((entry) => (entry.kind === "call" ? "" : entry.text)), ["It doubles.", "Still so."]);
});

test("a call's updates change its entry and leave its place", () => {
  const run = after(
    { sessionUpdate: "tool_call", toolCallId: "1.a", title: "edit_file x.py", kind: "edit", status: "in_progress", locations: [{ path: "/r/x.py" }] },
    thought("Meanwhile."),
    { sessionUpdate: "tool_call_update", toolCallId: "1.a", status: "completed", content: [{ type: "diff", path: "/r/x.py", oldText: "a\nb\nc\n", newText: "a\nB\nB\nc\n" }] },
  );
  const call = run.entries[0] as Called;
  assert.deepEqual([call.title, call.status, call.path, call.added, call.removed], ["edit_file x.py", "completed", "/r/x.py", 2, 1]);
  assert.equal(run.entries.length, 2);
});

test("output is kept in bounds, by its end", () => {
  const run = after({ sessionUpdate: "tool_call", toolCallId: "1", title: "run", content: [{ type: "content", content: { type: "text", text: `${"x".repeat(3 * TEXT_CHARS)}end` } }] });
  const { output } = run.entries[0] as Called;
  assert.equal(output.length, TEXT_CHARS);
  assert.ok(output.endsWith("end"));
});

test("of a long run the newest entries are kept", () => {
  const calls = Array.from({ length: ENTRIES + 50 }, (_, index): SessionUpdate => ({ sessionUpdate: "tool_call", toolCallId: `${index}`, title: `call ${index}` }));
  const run = after(...calls);
  assert.equal(run.entries.length, ENTRIES);
  assert.equal(doing(run), `call ${ENTRIES + 49}`);
});

test("plan, tokens and cost are the latest", () => {
  const run = after(
    { sessionUpdate: "plan", entries: [{ content: "Look", priority: "medium", status: "in_progress" }] },
    { sessionUpdate: "plan", entries: [{ content: "Look", priority: "medium", status: "completed" }] },
    { sessionUpdate: "usage_update", used: 10, size: 100, cost: { amount: 0.5, currency: "USD" } },
    { sessionUpdate: "usage_update", used: 20, size: 100, cost: { amount: 0.7, currency: "USD" }, _meta: { "kimi-mcp": { tokens: 30 } } },
  );
  assert.deepEqual(run.plan, [{ text: "Look", status: "completed" }]);
  assert.deepEqual([run.used, run.window, run.cost, run.tokens], [20, 100, 0.7, 30]);
});

test("what was used is told with its price, or where that is not known by its tokens alone", () => {
  const usage = (amount?: number): SessionUpdate => ({ sessionUpdate: "usage_update", used: 9, size: 100, ...(amount === undefined ? {} : { cost: { amount, currency: "USD" } }), _meta: { "kimi-mcp": { tokens: 12_345 } } });
  assert.equal(spent(after(usage(0.0123))), "$0.0123 · 12k tokens");
  assert.equal(spent(after(usage(0.0123), usage())), "12k tokens");
  assert.equal(spent(after(usage(0))), "12k tokens");
  assert.equal(spent(begun("")), "");
});

test("a run that failed or was stopped is told from one that is done", () => {
  assert.deepEqual(standing(ended(begun("it"), "failed", "The host is not there."), true), ["bad", "Failed"]);
  assert.deepEqual(standing(ended(begun("it"), "cancelled"), true), ["stopped", "Cancelled"]);
  assert.deepEqual(standing(ended(begun("it"), "loaded"), true), ["stopped", "Interrupted"]);
  assert.deepEqual(standing(ended(begun("it"), "end_turn"), false), ["", "Answered"]);
});

test("what was open when the turn ended did not end well", () => {
  const run = ended(after({ sessionUpdate: "tool_call", toolCallId: "1", title: "run", status: "in_progress" }), "cancelled");
  assert.deepEqual([run.phase, run.stop, (run.entries[0] as Called).status], ["done", "cancelled", "failed"]);
});

test("an update that nobody knows changes nothing", () => {
  const run = after(thought("Hm."));
  assert.equal(reduce(run, { sessionUpdate: "available_commands_update", availableCommands: [] }), run);
});

const told = {
  run: "1", inPlace: false, verified: true, reproductions: [], tests: [], files: [{ path: "a/b.py", status: "modified", mode: null }],
  outcome: { status: "submitted", cost: 0.25, prompt_tokens: 5, completion_tokens: 2, evidence: { fixed: [], broken: [], failing: [], problems: [], touched: [] } },
};

test("the end of a run is taken from its meta", () => {
  const end: SessionUpdate = { sessionUpdate: "session_info_update", _meta: { "kimi-mcp": told } };
  const priced = after({ sessionUpdate: "usage_update", used: 1, size: 2, cost: { amount: 0.2, currency: "USD" } }, end);
  assert.deepEqual([priced.told?.run, priced.cost, priced.tokens], ["1", 0.25, 7]);
  assert.equal(after(end).cost, undefined, "no price was known while it ran");
});

test("on Windows no path is taken that names a drive, a stream, a device, or a name that Windows shortens", () => {
  for (const path of ["a/b.py", "a\\b.py", "console.py", "com.py", ".env"]) assert.ok(safe(path, true), path);
  for (const path of ["D:x", "\\\\server\\x", "a\\..\\..\\x", "a.py:stream", "NUL", "a/con.txt", "LPT1", "a./b", "x "]) assert.ok(!safe(path, true), path);
  assert.ok(safe("a.py:stream", false) && safe("con", false));
});

test("meta that is not ours, or leads out of the folder, is passed over", () => {
  for (const path of ["/etc/passwd", "../x", "a/../../x", "C:\\x", "", "..\\x"])
    assert.equal(toldIn({ "kimi-mcp": { ...told, files: [{ path }] } }), undefined);
  for (const meta of [undefined, null, {}, { "kimi-mcp": 1 }, { "kimi-mcp": { ...told, outcome: {} } }]) assert.equal(toldIn(meta), undefined);
  assert.ok(toldIn({ "kimi-mcp": told }));
});
