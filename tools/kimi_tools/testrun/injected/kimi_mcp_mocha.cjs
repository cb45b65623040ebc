// A reporter for Mocha 6 and later. It also keeps only the chosen tests, because paths on Mocha's command line
// are added to those of its configuration and cannot narrow them.
"use strict";

const { write, relative, lineIn, message } = require("./kimi_mcp_events.cjs");

const HOOK = /^(.*(?:::| > ))"(?:before|after) (?:all|each)" hook/; // as it stands in the id of a failed one

function id(test) {
  return `${relative(test.file)}::${titles(test).join(" > ")}`;
}

function titles(test) {
  return typeof test.titlePath === "function" ? test.titlePath() : [test.fullTitle()];
}

function prune(suite, chosen) {
  suite.tests = suite.tests.filter(chosen);
  suite.suites.forEach((inner) => prune(inner, chosen));
  suite.suites = suite.suites.filter((inner) => inner.tests.length || inner.suites.length);
}

function chooser({ paths, ids, parts }) {
  const inside = (file) => !paths.length || paths.some((p) => p === "." || file === p || file.startsWith(p + "/"));
  const groups = ids.map((name) => HOOK.exec(name)).filter(Boolean).map((match) => match[1]);
  const named = (name) =>
    ids.includes(name) ||
    groups.some((group) => name.startsWith(group)) ||
    parts.some((part) => name.replaceAll(" > ", " ").includes(part));
  return (test) => inside(relative(test.file)) && (!(ids.length || parts.length) || named(id(test)));
}

class Reporter {
  constructor(runner) {
    const select = JSON.parse(process.env.KIMI_MCP_SELECT || "null");
    if (select) prune(runner.suite, chooser(select));
    write({ event: "total", count: runner.suite.total() });
    runner.on("test", (test) => write({ event: "start", id: id(test), path: relative(test.file) }));
    runner.on("pass", (test) => this.end(test, "passed"));
    runner.on("pending", (test) => this.end(test, "skipped"));
    runner.on("fail", (test, error) => this.end(test, test.type === "hook" ? "error" : "failed", error));
    runner.on("end", () => write({ event: "done" }));
  }

  end(test, status, error) {
    const path = relative(test.file || (test.parent && test.parent.file));
    const stack = (error && error.stack) || "";
    const text = error ? message(error) : "";
    write({
      event: "end",
      id: test.file ? id(test) : `${path}::${titles(test).join(" > ")}`,
      path,
      status,
      seconds: (test.duration || 0) / 1000,
      line: lineIn(stack, path),
      message: text,
      trace: stack,
    });
  }
}

module.exports = Reporter;
