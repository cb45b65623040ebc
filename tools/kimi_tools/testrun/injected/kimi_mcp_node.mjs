// A reporter for node's own test runner (18.15, 20 and later).
import events from "./kimi_mcp_events.cjs";

const { write, relative, lineIn, message } = events;
const OTHERS = "test name does not match pattern";

export default async function* report(source) {
  const names = [];
  const identify = (data) => {
    names.length = data.nesting;
    names[data.nesting] = data.name;
    const file = relative(data.file);
    const own = names.join(" > ");
    return [file, file && relative(data.name) !== file ? `${file}::${own}` : own && relative(data.name)];
  };
  for await (const { type, data } of source) {
    if (type === "test:start") {
      const [path, id] = identify(data);
      if (id) write({ event: "start", id, path, line: data.line || 0 });
    } else if (type === "test:pass" || type === "test:fail") {
      const [path, id] = identify(data);
      const details = data.details || {};
      const skipped = data.skip !== undefined && data.skip !== false;
      const wholeFile = id === path;
      const group = wholeFile || details.type === "suite";
      if ((group && (type === "test:pass" || onlySubtests(details.error))) || (skipped && data.skip === OTHERS)) {
        write({ event: "drop", id });
        continue;
      }
      const error = details.error && (details.error.cause || details.error);
      write({
        event: "end",
        id,
        path,
        status: group ? "error" : ended(type, skipped, data.todo),
        seconds: (details.duration_ms || 0) / 1000,
        line: (error && lineIn(error.stack, path)) || data.line || 0,
        message: type === "test:fail" ? message(error) : skipped && data.skip !== true ? data.skip : "",
        trace: type === "test:fail" ? String((error && error.stack) || "") : "",
        collecting: wholeFile,
      });
    }
  }
  write({ event: "done" });
}

function ended(type, skipped, todo) {
  if (skipped) return "skipped";
  const expected = todo !== undefined && todo !== false;
  if (type === "test:fail") return expected ? "xfailed" : "failed";
  return expected ? "skipped" : "passed";
}

function onlySubtests(error) {
  return error && (error.failureType === "subtestsFailed" || error.failureType === "cancelledByParent");
}
