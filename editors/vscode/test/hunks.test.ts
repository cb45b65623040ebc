import assert from "node:assert/strict";
import { test } from "node:test";
import { carry, compose, hunksOf, lineOf } from "../src/hunks.js";

const BEFORE = "one\ntwo\nthree\nfour\nfive\n";
const AFTER = "zero\none\nTWO\nthree\nfour\n";
const hunks = hunksOf(BEFORE, AFTER);
const only = (...wanted: number[]) => (index: number) => wanted.includes(index);

test("a change is cut at every run of equal lines", () => {
  assert.deepEqual(hunks.map((hunk) => [hunk.oldStart, hunk.oldLines, hunk.newLines]), [
    [0, [], ["zero\n"]],
    [1, ["two\n"], ["TWO\n"]],
    [4, ["five\n"], []],
  ]);
});

test("all hunks make the new text, none the old one, one only its own change", () => {
  assert.equal(compose(BEFORE, hunks, () => true), AFTER);
  assert.equal(compose(BEFORE, hunks, () => false), BEFORE);
  assert.equal(compose(BEFORE, hunks, only(1)), "one\nTWO\nthree\nfour\nfive\n");
});

test("every choice of hunks gives a text in which the others are still found", () => {
  for (let bits = 0; bits < 8; bits++) {
    const taken = (index: number) => ((bits >> index) & 1) === 1;
    const text = compose(BEFORE, hunks, taken);
    const rest = hunksOf(text, AFTER);
    assert.equal(rest.length, [0, 1, 2].filter((index) => !taken(index)).length);
    assert.equal(compose(text, rest, () => true), AFTER);
  }
});

test("a line end that is missing or of Windows is a difference like another", () => {
  for (const [before, after] of [["a\nb", "a\nb\n"], ["a\r\nb\r\n", "a\r\nc\r\n"], ["", "new\n"], ["gone\n", ""], ["a\r\nb\r\n", "a\nb\n"]] as const) {
    const found = hunksOf(before, after);
    assert.equal(compose(before, found, () => true), after);
    assert.equal(compose(before, found, () => false), before);
  }
});

test("equal texts have no hunks", () => assert.deepEqual(hunksOf(BEFORE, BEFORE), []));

test("a hunk's line moves with the hunks that are taken before it", () => {
  assert.equal(lineOf(hunks, 1, only(0)), 2);
  assert.equal(lineOf(hunks, 1, only()), 1);
  assert.equal(lineOf(hunks, 2, only(0, 1)), 5);
});

const LONG = Array.from({ length: 30 }, (_, index) => `line ${index}\n`);
const changed = LONG.with(20, "LINE 20\n").join("");

test("a change is carried into a file that has moved on elsewhere", () => {
  const moved = ["# new\n", ...LONG].join("");
  assert.equal(carry(moved, LONG.join(""), changed), `# new\n${changed}`);
});

test("a change that no longer fits is refused", () => {
  assert.equal(carry(LONG.with(20, "mine\n").join(""), LONG.join(""), changed), undefined);
});

test("a change that is there already changes nothing", () => assert.equal(carry(changed, LONG.join(""), changed), changed));
