/** What of a run's entries is new since they were last sent. Knows no editor. */
import type { Delta } from "./protocol.js";
import type { Entry } from "./run.js";

export class Sent {
  private key = "";
  private last = new Map<string, Entry>();

  /** What to send; an entry that is the same object has not changed. */
  delta(key: string, entries: readonly Entry[]): Delta {
    const anew = key !== this.key;
    const before = anew ? new Map<string, Entry>() : this.last;
    const now = new Map(entries.map((entry) => [entry.id, entry]));
    this.key = key;
    this.last = now;
    return { anew, gone: [...before.keys()].filter((id) => !now.has(id)), changed: entries.filter((entry) => before.get(entry.id) !== entry) };
  }

  /** The other side has lost what it had. */
  forget(): void {
    this.key = "";
    this.last = new Map();
  }
}
