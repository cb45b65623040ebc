import assert from "node:assert/strict";
import { test } from "node:test";
import { Sent } from "../src/delta.js";
import { LINE_CHARS, bounded, plain } from "../src/plain.js";
import type { Entry } from "../src/run.js";

test("escape sequences are taken out, also torn ones and those that set a title or a link", () => {
  assert.equal(plain("\u001b[31mred\u001b[0m \u001b]0;title\u0007x \u001b]8;;http://a.b\u001b\\link\u001b]8;;\u001b\\ \u001b(B."), "red x link .");
  assert.equal(plain("torn \u001b[3"), "torn 3");
});

test("what a carriage return has written over is not shown, line ends of Windows are", () => {
  assert.equal(plain("10%\r50%\rdone\nnext\r\nlast"), "done\nnext\nlast");
});

test("code points that hide or turn text round are named", () => {
  assert.equal(plain("a\u202eb\u200bc\u0000"), "a⟨U+202E⟩b⟨U+200B⟩c⟨U+0000⟩");
  assert.equal(plain("\u{e0041}"), "⟨U+E0041⟩");
  assert.equal(plain("täglich 中文 🙂\t|"), "täglich 中文 🙂\t|");
});

test("a long line is cut and says by how much", () => {
  assert.equal(bounded(`${"x".repeat(LINE_CHARS + 7)}\nnext`), `${"x".repeat(LINE_CHARS)} … 7 more characters\nnext`);
});

test("hostile text is made plain in a time that grows with its length", () => {
  const seconds = (text: string) => {
    const from = performance.now();
    plain(text);
    return (performance.now() - from) / 1000;
  };
  for (const piece of ["\u001b[;", "\u001b]", "\r", "\u001bP", "x"]) assert.ok(seconds(piece.repeat(200_000)) < 5, JSON.stringify(piece));
});

const entry = (id: string, text = id): Entry => ({ kind: "message", id, text });

test("only entries that are new or changed are sent, and those that have gone are named", () => {
  const sent = new Sent();
  const [a, b, c] = [entry("a"), entry("b"), entry("c")];
  assert.deepEqual(sent.delta("1", [a, b]), { anew: true, gone: [], changed: [a, b] });
  const changed = entry("b", "more");
  assert.deepEqual(sent.delta("1", [changed, c]), { anew: false, gone: ["a"], changed: [changed, c] });
  assert.deepEqual(sent.delta("1", [changed, c]), { anew: false, gone: [], changed: [] });
});

test("another run, or a view that has lost what it had, gets all", () => {
  const sent = new Sent();
  const all = [entry("a")];
  sent.delta("1", all);
  assert.equal(sent.delta("2", all).changed.length, 1);
  sent.forget();
  assert.deepEqual(sent.delta("2", all), { anew: true, gone: [], changed: all });
});
