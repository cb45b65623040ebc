// A client on the TypeScript SDK: node typescript.mjs VERSION(1|2) MODE(legacy|auto) PLAN -- COMMAND …
// Copied next to the SDK's node_modules before it runs.
const [version, mode, plan, , command, ...args] = process.argv.slice(2);
const [{ Client }, { StdioClientTransport }] =
  version === "1"
    ? await Promise.all([
        import("@modelcontextprotocol/sdk/client/index.js"),
        import("@modelcontextprotocol/sdk/client/stdio.js"),
      ])
    : await Promise.all([import("@modelcontextprotocol/client"), import("@modelcontextprotocol/client/stdio")]);
const options = version === "2" ? { versionNegotiation: { mode } } : {};
const client = new Client({ name: `typescript-sdk-${version}`, version: "1" }, options);
await client.connect(new StdioClientTransport({ command, args }));
const { tools } = await client.listTools();
console.log(JSON.stringify(tools.map((tool) => tool.name)));
const stop = new AbortController();
process.on("SIGINT", () => stop.abort());
for (const [name, args] of JSON.parse(plan)) {
  const request = { name, arguments: args };
  const settings = { timeout: 600_000, signal: stop.signal };
  const result = version === "1" ? await client.callTool(request, undefined, settings) : await client.callTool(request, settings);
  console.log(JSON.stringify(result));
}
await client.close();
console.log("The plan is carried out.");
