// A reporter for Jest 24 and later.
"use strict";

const { write, relative, lineIn, leftOut } = require("./kimi_mcp_events.cjs");

const STATUS = { passed: "passed", failed: "failed", pending: "skipped", todo: "skipped", disabled: "skipped" };

function id(path, result) {
  return `${path}::${[...result.ancestorTitles, result.title].join(" > ")}`;
}

class Reporter {
  constructor() {
    this.told = new Set();
  }

  onRunStart() {}

  onTestCaseStart(test, result) {
    const path = relative(test.path);
    write({ event: "start", id: id(path, result), path });
  }

  onTestCaseResult(test, result) {
    this.end(relative(test.path), result);
  }

  onTestResult(test, results) {
    const path = relative(test.path);
    if (results.testExecError || (results.failureMessage && !results.testResults.length)) {
      const text = results.failureMessage || String(results.testExecError.message);
      const lines = text.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("●"));
      write({ event: "end", id: path, path, status: "error", message: lines[0] || "", trace: text, collecting: true });
    }
    for (const result of results.testResults) {
      if (!this.told.has(id(path, result))) this.end(path, result);
    }
  }

  end(path, result) {
    const status = STATUS[result.status];
    if (!status || leftOut([...result.ancestorTitles, result.title], status)) {
      write({ event: "drop", id: id(path, result) });
      return;
    }
    this.told.add(id(path, result));
    const trace = (result.failureMessages || []).join("\n\n");
    write({
      event: "end",
      id: id(path, result),
      path,
      status,
      seconds: (result.duration || 0) / 1000,
      line: lineIn(trace, path) || (result.location && result.location.line) || 0,
      message: trace.split(/\n\s+at /)[0],
      trace,
    });
  }

  onRunComplete() {
    write({ event: "done" });
  }

  getLastError() {}
}

module.exports = Reporter;
