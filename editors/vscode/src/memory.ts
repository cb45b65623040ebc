/** What outlives a reload of the window, in VS Code's storage for this workspace. */
import type { Memento } from "vscode";
import type { Decision } from "./hunks.js";

const SHOWN = "kimi.shown";
const DECIDED = "kimi.decided";
/** Runs of which decisions are kept: the newest. */
const RUNS = 50;

export interface Shown {
  readonly session: string;
  readonly folder: string;
  readonly title: string;
}

type Decisions = Readonly<Record<string, readonly Decision[]>>;

export class Memory {
  constructor(private readonly storage: Memento) {}

  get shown(): Shown | undefined {
    return this.storage.get<Shown>(SHOWN);
  }

  async setShown(shown: Shown | undefined): Promise<void> {
    await this.storage.update(SHOWN, shown);
  }

  decisions(run: string): Decisions {
    return this.all.find(([name]) => name === run)?.[1] ?? {};
  }

  async setDecisions(run: string, decisions: Decisions): Promise<void> {
    await this.storage.update(DECIDED, [[run, decisions], ...this.all.filter(([name]) => name !== run)].slice(0, RUNS));
  }

  private get all(): readonly (readonly [string, Decisions])[] {
    return this.storage.get(DECIDED, []);
  }
}
