// An ACP client on the TypeScript SDK: node acp_sdk.mjs '{"agent": [...], "root", "prompt", "task", "servers"}'
// Copied next to the SDK's node_modules before it runs.
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { Readable, Writable } from "node:stream";
import * as acp from "@agentclientprotocol/sdk";

const given = JSON.parse(process.argv[2]);
const { methods } = acp;

async function connected(work) {
  const agent = spawn(given.agent[0], given.agent.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
  const stream = acp.ndJsonStream(Writable.toWeb(agent.stdin), Readable.toWeb(agent.stdout));
  const client = acp
    .client({ name: "typescript-sdk" })
    .onNotification(methods.client.session.update, ({ params }) => {
      const { update } = params;
      if (update.content?.text) process.stdout.write(update.content.text);
    })
    .onRequest(methods.client.session.requestPermission, ({ params }) => ({
      outcome: { outcome: "selected", optionId: params.options.find((o) => o.kind === "allow_once").optionId },
    }))
    .onRequest(methods.client.fs.readTextFile, async ({ params }) => ({
      content: await readFile(params.path, "utf8"),
    }))
    .onRequest(methods.client.fs.writeTextFile, async ({ params }) => {
      await writeFile(params.path, params.content);
      return {};
    });
  await client.connectWith(stream, async (context) => {
    await context.request(methods.agent.initialize, {
      protocolVersion: acp.PROTOCOL_VERSION,
      clientCapabilities: { fs: { readTextFile: true, writeTextFile: true } },
      clientInfo: { name: "typescript-sdk", version: "1" },
    });
    await work(context);
  });
  agent.stdin.end();
}

const say = (context, sessionId, text) =>
  context.request(methods.agent.session.prompt, { sessionId, prompt: [{ type: "text", text }] });

let sessionId;
await connected(async (context) => {
  const made = await context.request(methods.agent.session.new, { cwd: given.root, mcpServers: given.servers });
  sessionId = made.sessionId;
  process.on("SIGINT", () => context.notify(methods.agent.session.cancel, { sessionId }));
  console.log((await say(context, sessionId, given.prompt)).stopReason);
});
if (given.task === "again") {
  await connected(async (context) => {
    await context.request(methods.agent.session.load, { sessionId, cwd: given.root, mcpServers: given.servers });
    console.log((await say(context, sessionId, "And now?")).stopReason);
  });
}
process.exit(0);
