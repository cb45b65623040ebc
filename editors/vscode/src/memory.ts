/**
 * What outlives a reload of the window, in a file of this workspace's storage. VS Code's own `workspaceState` says that
 * it has kept a value before it is on the disk, and a reload right behind loses it. Knows no editor.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Decision } from "./hunks.js";

/** Runs of which decisions are kept: the newest. */
const RUNS = 50;

export interface Shown {
  readonly session: string;
  readonly folder: string;
  readonly title: string;
}

export type Decisions = Readonly<Record<string, readonly Decision[]>>;

interface Kept {
  readonly shown?: Shown | undefined;
  readonly decided: readonly (readonly [run: string, Decisions])[];
}

export class Memory {
  private last: Promise<unknown> = Promise.resolve();

  /** `path`: the file, made when something is kept; undefined where there is no workspace, and nothing to keep. */
  constructor(private readonly path: string | undefined) {}

  /** The run that was shown last. */
  async shown(): Promise<Shown | undefined> {
    return (await this.read()).shown;
  }

  /** Keep which run is shown. Rejects where the disk does not take it, as `decide` does. */
  show(shown: Shown | undefined): Promise<void> {
    return this.change((kept) => ({ ...kept, shown }));
  }

  async decisions(run: string): Promise<Decisions> {
    return (await this.read()).decided.find(([name]) => name === run)?.[1] ?? {};
  }

  /** Keep the decisions about a run's files; once that is done, they are on the disk. */
  decide(run: string, decisions: Decisions): Promise<void> {
    return this.change((kept) => ({ ...kept, decided: [[run, decisions] as const, ...kept.decided.filter(([name]) => name !== run)].slice(0, RUNS) }));
  }

  /** One after the other, each on what is in the file then: another window may have written it. */
  private change(made: (kept: Kept) => Kept): Promise<void> {
    const turn = this.last.then(async () => this.write(made(await this.read())));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async read(): Promise<Kept> {
    try {
      const { shown, decided } = JSON.parse(await readFile(this.path ?? "", "utf8")) as Partial<Kept>;
      return { shown, decided: Array.isArray(decided) ? decided : [] };
    } catch {
      return { decided: [] }; // none yet, or no file of ours
    }
  }

  private async write(kept: Kept): Promise<void> {
    if (this.path === undefined) return;
    const part = `${this.path}.${process.pid}.part`;
    await mkdir(dirname(this.path), { recursive: true });
    await writeFile(part, JSON.stringify(kept));
    await rename(part, this.path); // as a whole, or not at all
  }
}
