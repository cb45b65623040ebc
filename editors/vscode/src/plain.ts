/** Text of strangers made safe to look at: no escape sequences, and nothing that hides or turns round what stands there. Knows no editor. */

// CSI, OSC (to its end), and the other two-character escapes of ECMA-48
// eslint-disable-next-line no-control-regex
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[ -/]*[0-~])/g;
// C0 and C1 without tab and line ends; marks of direction; zero width; tags
// eslint-disable-next-line no-control-regex
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\udb40[\udc00-\udc7f]/g;

/** Of one line, what is shown. */
export const LINE_CHARS = 2_000;

/** A line as a terminal leaves it: what stood before a carriage return has been written over. */
function overwritten(line: string): string {
  const end = line.endsWith("\r") ? line.length - 1 : line.length;
  return line.slice(line.lastIndexOf("\r", end - 1) + 1, end);
}

/** The text as a terminal without colours would leave it, code points that hide named. */
export function plain(text: string): string {
  const seen = text.replace(ESCAPES, "");
  const lines = seen.includes("\r") ? seen.split("\n").map(overwritten).join("\n") : seen;
  return lines.replace(HIDDEN, (found) => `⟨U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** As `plain`, with very long lines cut. */
export function bounded(text: string): string {
  return plain(text)
    .split("\n")
    .map((line) => (line.length > LINE_CHARS ? `${line.slice(0, LINE_CHARS)} … ${line.length - LINE_CHARS} more characters` : line))
    .join("\n");
}
