// What the JavaScript reporters share: the event file, and paths from where the runner was started.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const start = process.cwd();
const file = process.env.KIMI_MCP_EVENTS;
delete process.env.KIMI_MCP_EVENTS;
const pattern = process.env.KIMI_MCP_PATTERN ? new RegExp(process.env.KIMI_MCP_PATTERN) : null;

// Runners report the tests that a name pattern leaves out as skipped.
function leftOut(names, status) {
  return pattern !== null && status === "skipped" && !pattern.test(names.join(" "));
}

function write(event) {
  fs.appendFileSync(file, JSON.stringify(event) + "\n");
}

function relative(name) {
  if (!name) return "";
  const plain = name.startsWith("file://") ? require("node:url").fileURLToPath(name) : name;
  return path.relative(start, path.resolve(start, plain)).split(path.sep).join("/");
}

// The line of the innermost stack frame in the test's own file, 0 when there is none.
function lineIn(stack, name) {
  const whole = path.resolve(start, name || "");
  for (const line of String(stack || "").split("\n")) {
    const match = /(?:\(|at |^)((?:file:\/\/)?[^():\s][^():]*):(\d+):\d+\)?\s*$/.exec(line.trim());
    if (match && path.resolve(start, match[1].replace(/^file:\/\//, "")) === whole) return Number(match[2]);
  }
  return 0;
}

// An error's message without its stack and without colours.
function message(error) {
  const text = String((error && (error.message || error.stack)) || error || "");
  return text.replace(/\u001b\[[0-9;]*m/g, "");
}

module.exports = { write, relative, lineIn, message, leftOut };
