// Bundles the extension, its webview, and with --tests the tests.
import { readdirSync, rmSync } from "node:fs";
import { build } from "esbuild";

const production = process.argv.includes("--production");
const tests = process.argv.includes("--tests");
const common = { bundle: true, minify: production, sourcemap: production ? false : "linked", logLevel: "warning" };
const node = { ...common, platform: "node", target: "node20" };

rmSync("dist", { recursive: true, force: true });
await Promise.all([
  build({ ...node, entryPoints: ["src/extension.ts"], outfile: "dist/extension.cjs", format: "cjs", external: ["vscode"] }),
  build({ ...common, entryPoints: ["webview/main.ts"], outfile: "dist/webview.js", platform: "browser", target: "es2022", format: "iife" }),
  tests &&
    build({
      ...node,
      entryPoints: readdirSync("test").filter((name) => name.endsWith(".test.ts")).map((name) => `test/${name}`),
      outdir: "dist/test",
      format: "esm",
      outExtension: { ".js": ".mjs" },
    }),
]);
