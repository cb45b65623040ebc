// A reporter for Vitest 1 and later: the newer hooks where there are any, else the whole result at the end.
import events from "./kimi_mcp_events.cjs";

const { write, relative, lineIn, message, leftOut } = events;

export default class Reporter {
  onTestCaseReady(test) {
    const path = relative(test.module.moduleId);
    write({ event: "start", id: this.id(path, test), path, line: (test.location && test.location.line) || 0 });
  }

  onTestCaseResult(test) {
    const result = test.result();
    const timing = test.diagnostic && test.diagnostic();
    this.end(relative(test.module.moduleId), this.id(relative(test.module.moduleId), test), {
      state: result.state,
      errors: result.errors,
      note: result.note,
      milliseconds: timing && timing.duration,
      line: test.location && test.location.line,
    });
  }

  onTestRunEnd(modules, errors) {
    for (const module of modules) {
      for (const error of module.errors()) this.broken(relative(module.moduleId), error);
    }
    this.close(errors);
  }

  // Vitest 1 and 2
  onFinished(files, errors) {
    if (this.closed) return;
    for (const file of files || []) {
      const path = relative(file.filepath);
      if (file.result && file.result.errors) for (const error of file.result.errors) this.broken(path, error);
      this.walk(path, file.tasks, []);
    }
    this.close(errors);
  }

  walk(path, tasks, names) {
    for (const task of tasks) {
      const own = [...names, task.name];
      if (task.tasks) this.walk(path, task.tasks, own);
      else if (task.result || task.mode === "skip" || task.mode === "todo")
        this.end(path, `${path}::${own.join(" > ")}`, {
          state: task.result ? task.result.state : "skip",
          errors: task.result && task.result.errors,
          milliseconds: task.result && task.result.duration,
          line: task.location && task.location.line,
        });
    }
  }

  id(path, test) {
    const names = [test.name];
    for (let up = test.parent; up && up.type === "suite"; up = up.parent) names.unshift(up.name);
    return `${path}::${names.join(" > ")}`;
  }

  end(path, id, { state, errors, note, milliseconds, line }) {
    const status = { passed: "passed", pass: "passed", failed: "failed", fail: "failed" }[state] || "skipped";
    const error = (errors || [])[0];
    if (leftOut(id.slice(path.length + 2).split(" > "), status)) {
      write({ event: "drop", id });
      return;
    }
    write({
      event: "end",
      id,
      path,
      status,
      seconds: (milliseconds || 0) / 1000,
      line: (error && lineIn(error.stack, path)) || line || 0,
      message: error ? message(error) : note || "",
      trace: error ? [error.stack || "", error.diff || ""].join("\n") : "",
    });
  }

  broken(path, error) {
    const trace = String(error.stack || "");
    const line = lineIn(trace, path);
    write({ event: "end", id: path, path, line, status: "error", message: message(error), trace, collecting: true });
  }

  close(errors) {
    this.closed = true;
    for (const error of errors || []) write({ event: "problem", message: "Unhandled error: " + message(error) });
    write({ event: "done" });
  }
}
