/** A file's change, cut into hunks that can be taken or left one by one. Knows no editor. */
import { applyPatch, diffArrays, structuredPatch } from "diff";

/** One run of lines that differ. Line numbers count from 0; lines keep their ends. */
export interface Hunk {
  readonly oldStart: number;
  readonly oldLines: readonly string[];
  readonly newStart: number;
  readonly newLines: readonly string[];
}

export type Decision = "pending" | "accepted" | "rejected";

function lines(text: string): string[] {
  return text === "" ? [] : text.split(/(?<=\n)/);
}

/** The hunks between two texts, in order. Together they are the whole difference. */
export function hunksOf(before: string, after: string): Hunk[] {
  const hunks: Hunk[] = [];
  let oldAt = 0;
  let newAt = 0;
  let open: { oldStart: number; oldLines: string[]; newStart: number; newLines: string[] } | undefined;
  for (const part of diffArrays(lines(before), lines(after))) {
    if (!part.added && !part.removed) {
      open = undefined;
      oldAt += part.value.length;
      newAt += part.value.length;
      continue;
    }
    if (!open) {
      open = { oldStart: oldAt, oldLines: [], newStart: newAt, newLines: [] };
      hunks.push(open);
    }
    if (part.removed) {
      open.oldLines.push(...part.value);
      oldAt += part.value.length;
    } else {
      open.newLines.push(...part.value);
      newAt += part.value.length;
    }
  }
  return hunks;
}

/** The text `before` with the hunks that `taken` names, and no others. */
export function compose(before: string, hunks: readonly Hunk[], taken: (index: number) => boolean): string {
  const old = lines(before);
  const made: string[] = [];
  let at = 0;
  hunks.forEach((hunk, index) => {
    made.push(...old.slice(at, hunk.oldStart));
    made.push(...(taken(index) ? hunk.newLines : hunk.oldLines));
    at = hunk.oldStart + hunk.oldLines.length;
  });
  return [...made, ...old.slice(at)].join("");
}

/** The first line, from 0, of a hunk in the text that `compose` makes with the same `taken`. */
export function lineOf(hunks: readonly Hunk[], index: number, taken: (index: number) => boolean): number {
  let line = hunks[index]?.oldStart ?? 0;
  for (let other = 0; other < index; other++) {
    const hunk = hunks[other];
    if (hunk && taken(other)) line += hunk.newLines.length - hunk.oldLines.length;
  }
  return line;
}

/**
 * What leads from `from` to `to`, made in `current`, which may have moved on since.
 * Undefined where it does not fit any more.
 */
export function carry(current: string, from: string, to: string): string | undefined {
  if (current === from) return to;
  if (current === to) return current;
  const patch = structuredPatch("a", "b", from, to, "", "", { context: 3 });
  const made = applyPatch(current, patch, { fuzzFactor: 0 });
  return made === false ? undefined : made;
}
