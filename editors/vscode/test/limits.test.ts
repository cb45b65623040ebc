import assert from "node:assert/strict";
import { test } from "node:test";
import { unless, within } from "../src/limits.js";

const never = new Promise<never>(() => undefined);

test("work that takes too long is given up with the words for it; what is in time is given, also its own failure", async () => {
  await assert.rejects(within(1, never, () => new Error("late")), /late/);
  assert.equal(await within(60_000, Promise.resolve(7), () => new Error("late")), 7);
  await assert.rejects(within(60_000, Promise.reject(new Error("its own")), () => new Error("late")), /its own/);
});

test("work is given up as soon as it is no longer wanted, also where that was before", async () => {
  const stopping = new AbortController();
  const given = unless(stopping.signal, never);
  stopping.abort();
  await assert.rejects(given, { name: "AbortError" });
  await assert.rejects(unless(stopping.signal, never), { name: "AbortError" });
  assert.equal(await unless(new AbortController().signal, Promise.resolve(7)), 7);
});

test("what fails after it was given up disturbs nobody", async () => {
  const stopping = new AbortController();
  let fail: (error: Error) => void = () => undefined;
  const given = unless(stopping.signal, new Promise<never>((_, reject) => (fail = reject)));
  stopping.abort();
  await assert.rejects(given);
  fail(new Error("unheard"));
  await new Promise((done) => setImmediate(done)); // an unhandled rejection would end this process
});
