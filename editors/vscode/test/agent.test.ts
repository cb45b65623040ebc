/** The connection against the real `kimi-mcp acp` and the simulated endpoint; skipped where the project's Python is not set up. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, suite, test } from "node:test";
import type { SessionUpdate } from "@agentclientprotocol/sdk";
import { Agent, AgentGone, type Listener, older } from "../src/agent.js";
import { Review } from "../src/review.js";
import { begun, reduce } from "../src/run.js";

const project = resolve(process.cwd(), "../..");
const python = process.env.KIMI_MCP_PYTHON ?? join(project, ".venv/bin/python");
const skip = existsSync(python) ? false : `${python} is not there; name the project's Python in KIMI_MCP_PYTHON`;
const REPRODUCE = `python3 -c "import calc; assert calc.add(1, 2) == 3"`;
const call = (name: string, args: object) => ({ calls: [{ name, arguments: args }] });
const TURNS = [
  call("reproduce", { command: REPRODUCE }),
  call("edit_file", { path: "calc.py", old: "a - b", new: "a + b" }),
  call("reproduce", { command: REPRODUCE }),
  { ...call("submit", { summary: "It adds now." }), times: 9 },
];

class Ear implements Listener {
  readonly updates: SessionUpdate[] = [];
  private wake: () => void = () => undefined;
  updated(_: string, update: SessionUpdate): void {
    this.updates.push(update);
    this.wake();
  }
  /** Waits for one more update. */
  next(): Promise<void> {
    return new Promise((done) => (this.wake = done));
  }
  asked(): Promise<never> {
    return Promise.reject(new Error("nothing here needs leave"));
  }
  readonly files = new Map<string, string>();
  read(path: string): Promise<string> {
    const text = this.files.get(path);
    return text === undefined ? Promise.reject(new Error("no such file")) : Promise.resolve(text);
  }
  write(path: string, text: string): Promise<void> {
    this.files.set(path, text);
    return Promise.resolve();
  }
  logged: (text: string) => void = () => undefined;
}

test("versions are compared by their numbers", () => {
  assert.deepEqual([older("0.0.9", "0.1.0"), older("0.1.0", "0.1.0"), older("0.1.0.dev1", "0.1.0"), older("0.10.0", "0.9.1"), older("1", "0.9")], [true, false, false, false, false]);
  assert.equal(older("", "0.1.0"), true);
});

suite("the agent", { skip }, () => {
  const work = mkdtempSync(join(tmpdir(), "kimi-agent-"));
  const root = join(work, "repository");
  const endpoints: ChildProcess[] = [];
  let url = "";
  const environment = { ...process.env, KIMI_MCP_STATE: join(work, "state"), KIMI_MCP_CONFIG: join(work, "none.toml"), PYTHONPATH: `${project}:${join(project, "tools")}` };
  const start = (listener: Listener, at = url) => Agent.start({ program: python, args: ["-m", "kimi_mcp", "acp", "--base-url", at, "--model", "kimi-k2.6"] }, root, environment, listener);

  before(async () => {
    execFileSync("git", ["init", "-q", root]);
    writeFileSync(join(root, "calc.py"), "def add(a, b):\n    return a - b\n");
    url = await served(TURNS);
  });

  /** The address of a simulated endpoint that answers so. */
  async function served(turns: readonly object[]): Promise<string> {
    const script = join(work, `turns${endpoints.length}.json`);
    writeFileSync(script, JSON.stringify(turns));
    const child = spawn(python, ["-m", "tests.kimi_api", "--script", script, "--port", "0"], { cwd: project, stdio: ["ignore", "pipe", "inherit"] });
    endpoints.push(child);
    return new Promise((done) => {
      let said = "";
      child.stdout.on("data", (data: Buffer) => {
        said += data.toString();
        const found = /endpoint: (\S+)/.exec(said);
        if (found?.[1]) done(found[1]);
      });
    });
  }
  after(() => {
    for (const endpoint of endpoints) endpoint.kill();
    rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  });

  test("fixes an issue in a copy, and what it tells makes a review that gives the fixed file", async () => {
    const ear = new Ear();
    const agent = await start(ear);
    try {
      const session = await agent.open(root, { mode: "thinking", place: "copy" });
      assert.equal(await agent.prompt(session, "/fix add subtracts"), "end_turn");
      const run = ear.updates.reduce(reduce, begun("add subtracts"));
      assert.equal(run.told?.outcome.status, "submitted");
      assert.deepEqual(run.told.reproductions.map((one) => [one.before, one.exit_code === 0]), [[true, false], [false, true]]);
      const text = readFileSync(join(root, "calc.py"), "utf8");
      assert.equal(text, "def add(a, b):\n    return a - b\n");
      const [file] = new Review(run.told).files;
      assert.equal(file?.after(text, file.open(), "accepted", false), "def add(a, b):\n    return a + b\n");
      assert.deepEqual((await agent.list(root)).map((one) => one.sessionId), [session]);
      await assert.rejects(agent.steer(session, "too late"));

      const again = new Ear();
      const second = await start(again);
      await second.load(root, session).finally(() => second.stop());
      assert.deepEqual(again.updates.reduce(reduce, begun("")).told, run.told);
    } finally {
      agent.stop();
    }
  });

  test("a turn under way is steered, and cancelled at once; the session's end is told", async () => {
    const ear = new Ear();
    const agent = await start(ear, await served([call("run_command", { command: "sleep 60" })]));
    try {
      const session = await agent.open(root, { mode: "instant", place: "copy" });
      const turn = agent.prompt(session, "/fix something");
      while (!ear.updates.some((update) => update.sessionUpdate === "tool_call")) await ear.next();
      await agent.steer(session, "Mind the tabs.");
      await agent.cancel(session);
      assert.equal(await turn, "cancelled");
      assert.equal(ear.updates.reduce(reduce, begun("")).told?.outcome.status, "cancelled");
    } finally {
      agent.stop();
    }
  });

  test("a program that is not there, or ends at once, is said with the way out", async () => {
    const begin = (program: string, args: string[]) => Agent.start({ program, args }, root, environment, new Ear());
    await assert.rejects(begin("no-such-program", []), (error) => error instanceof AgentGone && error.message.includes("kimi.command"));
    const gone = (words: string) => (error: unknown) => error instanceof AgentGone && error.way === "install" && error.message.includes(words);
    await assert.rejects(begin(python, ["-c", "import sys; sys.exit('out of order')"]), gone("out of order"));
  });

  test("a program that hangs at its start, deaf to polite words, is ended and said", async () => {
    const ear = new Ear();
    let said = "";
    ear.logged = (text) => (said += text);
    const deaf = "import os, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid(), file=sys.stderr, flush=True)\nwhile True: signal.pause()";
    await assert.rejects(Agent.start({ program: python, args: ["-c", deaf] }, root, environment, ear, { answer: 2_000, stop: 2_000 }), (error) => error instanceof AgentGone && error.message.includes("did not answer within 2 s"));
    const there = () => existsSync(`/proc/${said.trim()}/exe`);
    while (said && there()) await new Promise((done) => setTimeout(done, 20));
  });

  /** A program that says that it is ours, and answers only to these methods. */
  const hangs = (answers: object) => ["-c", `import json, sys
answers = ${JSON.stringify({ initialize: { protocolVersion: 1, agentInfo: { name: "kimi-mcp", version: "9.0.0" } }, ...answers })}
for line in sys.stdin:
    ask = json.loads(line)
    if ask.get("method") in answers: print(json.dumps({"jsonrpc": "2.0", "id": ask["id"], "result": answers[ask["method"]]}), flush=True)`];

  test("a program that hangs when it is asked for a session, its list or its history is said, and gets nothing more to do", async () => {
    const asks: ((agent: Agent) => Promise<unknown>)[] = [(one) => one.open(root, { mode: "thinking", place: "copy" }), (one) => one.list(root), (one) => one.load(root, "1"), (one) => one.delete("1")];
    for (const ask of asks) {
      const agent = await Agent.start({ program: python, args: hangs({}) }, root, environment, new Ear(), { answer: 1_000, stop: 1_000 });
      assert.ok(agent.alive);
      await assert.rejects(ask(agent), (error) => error instanceof AgentGone && error.way === "log" && /hangs.*within 1 s\. Try again/.test(error.message));
      assert.ok(!agent.alive);
      agent.stop();
    }
  });

  test("a program that does not stop its turn when it is cancelled is ended, and said", async () => {
    const agent = await Agent.start({ program: python, args: hangs({ "session/new": { sessionId: "1" }, "session/set_config_option": { configOptions: [] } }) }, root, environment, new Ear(), { answer: 60_000, stop: 100 });
    const session = await agent.open(root, { mode: "thinking", place: "copy" });
    const turn = agent.prompt(session, "/fix something");
    const ended = assert.rejects(turn, (error) => error instanceof AgentGone && error.message.includes("it did not stop within 0.1 s"));
    await agent.cancel(session);
    await ended;
  });

  test("a program killed in the middle of a run is said; another one tells what was done, and goes on", async () => {
    const at = await served([call("run_command", { command: "sleep 60" }), { text: "It goes on.", times: 9 }]);
    const args = ["-m", "kimi_mcp", "acp", "--base-url", at, "--model", "kimi-k2.6"];
    const begin = (listener: Listener) => Agent.start({ program: python, args: ["-c", `import os, runpy, sys; print("pid", os.getpid(), file=sys.stderr, flush=True); sys.argv = ["kimi-mcp", *${JSON.stringify(args.slice(2))}]; runpy.run_module("kimi_mcp", run_name="__main__", alter_sys=True)`] }, root, environment, listener);
    const ear = new Ear();
    let said = "";
    ear.logged = (text) => (said += text);
    const agent = await begin(ear);
    const session = await agent.open(root, { mode: "instant", place: "copy" });
    const turn = agent.prompt(session, "/fix something");
    const ended = assert.rejects(turn, (error) => error instanceof AgentGone && error.way === "log" && error.message.includes("has ended (SIGKILL"));
    while (!ear.updates.some((update) => update.sessionUpdate === "tool_call" && update.title.includes("sleep 60"))) await ear.next();
    process.kill(Number(/pid (\d+)/.exec(said)?.[1]), "SIGKILL");
    await ended;
    assert.ok(!agent.alive);

    const again = new Ear();
    const second = await begin(again);
    try {
      await second.load(root, session);
      assert.ok(again.updates.reduce(reduce, begun("")).entries.some((entry) => entry.kind === "call" && entry.title.includes("sleep 60")));
      assert.equal(await second.prompt(session, "Go on where you were interrupted."), "end_turn");
      assert.ok(again.updates.reduce(reduce, begun("")).entries.some((entry) => entry.kind === "message" && entry.text === "It goes on."));
    } finally {
      second.stop();
    }
  });

  test("another agent, or an older one, is refused with what it is", async () => {
    const answers = (info: object) => `import json, sys; ask = json.loads(input()); print(json.dumps({"jsonrpc": "2.0", "id": ask["id"], "result": {"protocolVersion": 1, "agentInfo": ${JSON.stringify(info)}}}), flush=True); sys.stdin.read()`;
    for (const [name, version] of [["other", "9.0.0"], ["kimi-mcp", "0.0.9"]] as const) {
      const started = Agent.start({ program: python, args: ["-c", answers({ name, version })] }, root, environment, new Ear());
      await assert.rejects(started, (error) => error instanceof AgentGone && error.message.includes(`${name} ${version}`));
    }
  });

  test("a run in the user's own files reads what is not saved yet", async () => {
    const ear = new Ear();
    const path = join(root, "calc.py");
    ear.files.set(path, "def add(a, b):\n    return a - b  # not saved\n");
    const agent = await start(ear, await served([call("read_file", { path: "calc.py" }), { text: "Seen." }]));
    try {
      await agent.prompt(await agent.open(root, { mode: "instant", place: "tree" }), "What does it do?");
      const outputs = ear.updates.reduce(reduce, begun("")).entries.flatMap((entry) => (entry.kind === "call" ? [entry.output] : []));
      assert.ok(outputs.some((text) => text.includes("# not saved")), outputs.join("\n"));
    } finally {
      agent.stop();
    }
  });

  test("a session is deleted, and not listed any more", async () => {
    const agent = await start(new Ear(), await served([{ text: "Hello." }]));
    try {
      const session = await agent.open(root, { mode: "instant", place: "copy" });
      await agent.prompt(session, "Hello?");
      assert.ok((await agent.list(root)).some((one) => one.sessionId === session && one.updatedAt));
      await agent.delete(session);
      assert.ok(!(await agent.list(root)).some((one) => one.sessionId === session));
    } finally {
      agent.stop();
    }
  });
});
