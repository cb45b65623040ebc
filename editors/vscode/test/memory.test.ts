import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Memory } from "../src/memory.js";

const work = mkdtempSync(join(tmpdir(), "kimi-memory-"));
const folder = join(work, "of a workspace");
const path = join(folder, "runs.json");
after(() => rmSync(work, { recursive: true }));
const shown = { session: "s", folder: "/r", title: "An issue" };

test("what is kept is on the disk at once: another window, or the same one anew, finds it", async () => {
  const memory = new Memory(path);
  assert.deepEqual([await memory.shown(), await memory.decisions("1")], [undefined, {}]);
  await memory.show(shown);
  await memory.decide("1", { "a.py": ["accepted", "pending"] });
  const again = new Memory(path);
  assert.deepEqual([await again.shown(), await again.decisions("1")], [shown, { "a.py": ["accepted", "pending"] }]);
  await again.show(undefined);
  assert.equal(await memory.shown(), undefined);
  assert.deepEqual(readdirSync(folder), ["runs.json"]);
});

test("of many changes at once none is lost, and the newest fifty runs are kept", async () => {
  const memory = new Memory(path);
  await Promise.all(Array.from({ length: 60 }, (_, run) => memory.decide(`many ${run}`, { "a.py": ["rejected"] })));
  const kept = await Promise.all(Array.from({ length: 60 }, (_, run) => memory.decisions(`many ${run}`)));
  assert.deepEqual(kept.map((one) => "a.py" in one), Array.from({ length: 60 }, (_, run) => run >= 10));
});

test("a file that is broken or another's is as none", async () => {
  for (const text of ["", "{", "[]", "null", '{"decided": 7}']) {
    writeFileSync(path, text);
    const memory = new Memory(path);
    assert.deepEqual([await memory.shown(), await memory.decisions("1")], [undefined, {}], text);
    await memory.decide("1", { "a.py": ["accepted"] });
    assert.deepEqual(await memory.decisions("1"), { "a.py": ["accepted"] });
  }
});

test("without a workspace nothing is kept; a disk that takes nothing is said, and the next one is tried again", async () => {
  const none = new Memory(undefined);
  await none.show(shown);
  assert.equal(await none.shown(), undefined);
  const file = join(work, "file");
  writeFileSync(file, "");
  const memory = new Memory(join(file, "runs.json"));
  await assert.rejects(memory.show(shown));
  rmSync(file);
  await memory.show(shown);
  assert.deepEqual(await memory.shown(), shown);
});
