/** The words of an issue, made from what the user points at. Knows no editor. */

export interface Place {
  readonly path: string;
  /** Lines count from 1. */
  readonly first: number;
  readonly last: number;
  readonly text: string;
}

/** More than this of a selection says less. */
export const QUOTED_CHARS = 8_000;

function quoted(place: Place): string {
  const fence = "`".repeat(Math.max(3, ...[...place.text.matchAll(/`+/g)].map((found) => found[0].length + 1)));
  const text = place.text.length > QUOTED_CHARS ? `${place.text.slice(0, QUOTED_CHARS)}\n…` : place.text;
  return `${where(place)}:\n\n${fence}\n${text}\n${fence}`;
}

function where(place: Place): string {
  return place.first === place.last ? `${place.path}:${place.first}` : `${place.path}:${place.first}-${place.last}`;
}

export function fromSelection(wish: string, place: Place): string {
  return `${wish.trim()}\n\nIt is about ${quoted(place)}`;
}

export interface Problem {
  readonly message: string;
  readonly source: string;
  readonly severity: string;
}

export function fromProblems(problems: readonly Problem[], place: Place): string {
  const list = problems.map((one) => `- ${one.severity}${one.source ? ` (${one.source})` : ""}: ${one.message}`);
  return `Fix ${problems.length === 1 ? "this problem" : "these problems"} at its cause, not by silencing it:\n${list.join("\n")}\n\nat ${quoted(place)}`;
}

export function fromTest(name: string, path: string | undefined, message: string): string {
  const said = message.trim() ? `\n\nIts message:\n\n${message.trim().slice(0, QUOTED_CHARS)}` : "";
  return `The test ${name}${path ? ` in ${path}` : ""} fails. Find the cause and fix it in the code; do not change the test unless the test is wrong.${said}`;
}

/** A run's name from the first words of its issue. */
export function titleOf(issue: string): string {
  const line = issue.trim().split("\n", 1)[0]?.replace(/^#+\s*/, "") ?? "";
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
