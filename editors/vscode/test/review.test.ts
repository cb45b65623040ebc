import assert from "node:assert/strict";
import { test } from "node:test";
import { Review, ReviewFile } from "../src/review.js";
import type { Told, ToldFile } from "../src/told.js";

const BEFORE = "a\nb\nc\nd\ne\n";
const AFTER = "A\nb\nc\nd\nE\n";
const modified: ToldFile = { path: "x.py", status: "modified", before: BEFORE, after: AFTER, mode: null };

test("in a copy, accepting a hunk changes the file by it and rejecting changes nothing", () => {
  const file = new ReviewFile(modified);
  assert.equal(file.after(BEFORE, [0], "accepted", false), "A\nb\nc\nd\ne\n");
  file.decide([0], "accepted");
  assert.equal(file.decision, "pending");
  file.decide([1], "rejected");
  assert.equal(file.decision, "accepted");
  assert.equal(file.accepted, "A\nb\nc\nd\ne\n");
});

test("in place, rejecting a hunk takes it back and accepting changes nothing", () => {
  const file = new ReviewFile(modified);
  assert.equal(file.after(AFTER, [1], "rejected", true), "A\nb\nc\nd\ne\n");
  file.decide([1], "rejected");
  assert.equal(file.after(file.proposed, [0], "rejected", true), BEFORE);
});

test("the diff shrinks from both sides until nothing waits", () => {
  const file = new ReviewFile(modified);
  file.decide([0], "accepted");
  assert.equal(file.accepted, "A\nb\nc\nd\ne\n");
  assert.equal(file.proposed, AFTER);
  file.decide([1], "rejected");
  assert.equal(file.accepted, file.proposed);
});

test("the user's own change to another line stays", () => {
  const file = new ReviewFile({ ...modified, before: `${BEFORE}f\ng\nh\ni\n`, after: `${AFTER}f\ng\nh\ni\n` });
  assert.equal(file.after(`${BEFORE}f\ng\nh\nmine\n`, [0], "accepted", false), "A\nb\nc\nd\ne\nf\ng\nh\nmine\n");
});

test("a new file does not exist when rejected, a deleted one when accepted", () => {
  const added = new ReviewFile({ ...modified, status: "added", before: null });
  assert.deepEqual([added.exists(added.open(), "accepted", false), added.exists(added.open(), "rejected", true)], [true, false]);
  const deleted = new ReviewFile({ ...modified, status: "deleted", after: null });
  assert.deepEqual([deleted.exists(deleted.open(), "accepted", false), deleted.exists(deleted.open(), "rejected", true)], [false, true]);
});

test("a decision is taken back: the file is as before, and the hunk waits again", () => {
  const file = new ReviewFile(modified);
  file.decide([0, 1], "accepted");
  assert.deepEqual(file.decided(1), [1]);
  assert.equal(file.after(AFTER, [1], "pending", false), "A\nb\nc\nd\ne\n");
  file.decide([1], "pending");
  assert.deepEqual([file.decision, file.open()], ["pending", [1]]);
});

test("only what comes into the file or goes out of it changes it", () => {
  const file = new ReviewFile(modified);
  const changes = (from: "pending" | "accepted" | "rejected", to: typeof from, inPlace: boolean) => {
    file.decide([0], from);
    return file.changes([0], to, inPlace);
  };
  assert.deepEqual([changes("pending", "accepted", false), changes("pending", "rejected", false), changes("accepted", "pending", false), changes("rejected", "pending", false)], [true, false, true, false]);
  assert.deepEqual([changes("pending", "accepted", true), changes("pending", "rejected", true), changes("accepted", "pending", true), changes("rejected", "pending", true)], [false, true, false, true]);
});

test("decisions are kept and restored, but not onto another patch", () => {
  const file = new ReviewFile(modified);
  file.decide([1], "rejected");
  const again = new ReviewFile(modified);
  again.restore(file.kept);
  assert.deepEqual([again.of(0), again.of(1)], ["pending", "rejected"]);
  const other = new ReviewFile({ ...modified, after: "A\nb\nc\nd\ne\n" });
  other.restore(file.kept);
  assert.equal(other.decision, "pending");
});

test("a file that is no text has its bytes on both sides", () => {
  const file = new ReviewFile({ path: "x.bin", status: "added", mode: null, bytes: [null, "AP8="] });
  assert.deepEqual([...(file.bytes("accepted", false) ?? [])], [0, 255]);
  assert.equal(file.bytes("pending", false), null);
  assert.equal(file.exists([], "rejected", false), false);
  assert.equal(new ReviewFile({ path: "x", status: "added", mode: null }).bytes("accepted", false), undefined);
});

test("a file without text is decided as a whole", () => {
  const file = new ReviewFile({ path: "x.png", status: "added", mode: null });
  assert.equal(file.shown, false);
  file.decide([], "rejected");
  assert.equal(file.decision, "rejected");
});

test("a review waits for what is not decided", () => {
  const review = new Review({ files: [modified, { ...modified, path: "y.py" }] } as unknown as Told);
  review.file("x.py")?.decide([0, 1], "accepted");
  assert.deepEqual(review.waiting.map((file) => file.path), ["y.py"]);
  assert.deepEqual(review.shown()[0]?.hunks.map((hunk) => [hunk.line, hunk.removed, hunk.added]), [[1, ["a"], ["A"]], [5, ["e"], ["E"]]]);
});
