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
  const text = place.text.length > QUOTED_CHARS ? `${place.text.slice(0, QUOTED_CHARS)}\n…` : place.text;
  return `${where(place)}:\n\n${fenced(text)}`;
}

/** In a fence that the text cannot close. */
function fenced(text: string): string {
  const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map((found) => found[0].length + 1)));
  return `${fence}\n${text}\n${fence}`;
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
  readonly code: string;
  readonly severity: string;
  /** Counts from 1. */
  readonly line: number;
}

export function fromProblems(problems: readonly Problem[], place: Place): string {
  const list = problems.map((one) => {
    const from = [one.source, one.code].filter(Boolean).join(" ");
    return `- ${one.severity}${from ? ` (${from})` : ""} in line ${one.line}: ${one.message}`;
  });
  return `Fix ${problems.length === 1 ? "this problem" : "these problems"} at its cause, not by silencing it:\n${list.join("\n")}\n\nat ${quoted(place)}`;
}

export interface FailingTest {
  readonly name: string;
  readonly id: string;
  /** The file, with its line where that is known. */
  readonly at: string;
  readonly message: string;
}

export function fromTest({ name, id, at, message }: FailingTest): string {
  const said = message.trim() ? `\n\nIts message:\n\n${fenced(message.trim().slice(0, QUOTED_CHARS))}` : "";
  const known = [id !== name ? id : "", at].filter(Boolean).join(", ");
  return `The test ${name}${known ? ` (${known})` : ""} fails. Find the cause and fix it in the code; do not change the test unless the test is wrong.${said}`;
}

export interface FailedCommand {
  readonly command: string;
  readonly cwd: string;
  readonly exitCode: number;
  readonly output: string;
}

/** The end of an output says most: that is where the error stands. */
export function fromCommand({ command, cwd, exitCode, output }: FailedCommand): string {
  const text = output.trim();
  const cut = text.length > QUOTED_CHARS ? `…\n${text.slice(-QUOTED_CHARS)}` : text;
  return `The command \`${command}\` fails with exit code ${exitCode}${cwd ? ` in ${cwd}` : ""}. Find the cause and fix it.\n\n${text ? `Its output:\n\n${fenced(cut)}` : "Its output is not known: run it."}`;
}

/** A run's name from the first words of its issue. */
export function titleOf(issue: string): string {
  const line = issue.trim().split("\n", 1)[0]?.replace(/^#+\s*/, "") ?? "";
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
