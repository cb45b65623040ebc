/** One run and what belongs to it: its session with the agent, its question, its patch. */
import type { RequestPermissionRequest, RequestPermissionResponse } from "@agentclientprotocol/sdk";
import type * as vscode from "vscode";
import type { Agent } from "./agent.js";
import type { Asking, Listed, ShownRun } from "./protocol.js";
import type { Review } from "./review.js";
import { type Run, doing, spent, standing } from "./run.js";

export interface Pending {
  readonly request: RequestPermissionRequest;
  readonly answer: (response: RequestPermissionResponse) => void;
}

let made = 0;

export class Conversation {
  readonly key = `run ${++made}`;
  readonly began = new Date().toISOString();
  review: Review | undefined;
  /** The program that works on it, while it does. */
  agent: Agent | undefined;
  /** Aborted where the user cancels before the program has the turn. */
  starting: AbortController | undefined;
  /** Whether the program has had what it began with: its issue, or the wish to have it told again. */
  begun = false;
  private readonly questions: Pending[] = [];

  /** `issue`: what it is to fix; none, where its session is an earlier one. */
  constructor(
    readonly folder: vscode.WorkspaceFolder,
    private readonly chosen: "copy" | "tree",
    public run: Run,
    readonly issue: string,
    public session?: string,
  ) {}

  /** Where it works: as it was chosen, or as its agent tells. */
  get place(): "copy" | "tree" {
    const { told } = this.run;
    return told === undefined ? this.chosen : told.inPlace ? "tree" : "copy";
  }

  get running(): boolean {
    return this.run.phase === "running";
  }

  /** Whether it was interrupted and can go on: its window was closed, its program ended, or it was cancelled. */
  get stopped(): boolean {
    const status = this.run.told?.outcome.status;
    return this.run.phase === "done" && this.begun && (status === undefined ? this.run.stop === "loaded" || this.run.trouble !== undefined : status === "cancelled" || status === "crashed" || status === "model_failed");
  }

  /** Whether it could not begin, and may be tried again. */
  get again(): boolean {
    return this.run.phase === "done" && !this.begun;
  }

  /** Put a question behind those that wait. */
  ask(question: Pending): void {
    this.questions.push(question);
  }

  get waits(): boolean {
    return this.questions.length > 0;
  }

  answer(optionId: string): void {
    this.questions.shift()?.answer({ outcome: { outcome: "selected", optionId } });
  }

  /** Nobody answers any more. */
  refuse(): void {
    for (const question of this.questions.splice(0)) question.answer({ outcome: { outcome: "cancelled" } });
  }

  /** The question that waits, with the call that it is about. */
  get asking(): Asking | undefined {
    const request = this.questions[0]?.request;
    if (!request) return undefined;
    const texts = (request.toolCall.content ?? []).flatMap((one) => (one.type === "content" && one.content.type === "text" ? [one.content.text] : []));
    const call = this.run.entries.findLast((entry) => entry.kind === "call" && entry.status === "in_progress" && entry.id !== request.toolCall.toolCallId);
    return {
      title: request.toolCall.title ?? "The agent asks for leave",
      detail: texts.join("\n"),
      call: call?.kind === "call" ? call.title : "",
      where: this.place === "copy" ? `a private copy of ${this.folder.name}` : this.folder.uri.fsPath,
      options: request.options.map((option) => ({ id: option.optionId, name: option.name, kind: option.kind })),
    };
  }

  get shown(): ShownRun {
    const { entries, ...rest } = this.run;
    return { ...rest, key: this.key, doing: doing(this.run), spent: spent(this.run), stopped: this.stopped, again: this.again, place: this.place };
  }

  get listed(): Listed {
    return { key: this.key, title: this.run.title, when: this.began, state: this.state, folder: this.folder.name };
  }

  private get state(): Listed["state"] {
    if (this.run.phase === "loading") return "";
    if (this.waits) return "asking";
    if (this.running) return "running";
    if (this.review?.waiting.length) return "review";
    const [stands] = standing(this.run, this.stopped);
    return stands === "bad" ? "failed" : stands === "stopped" ? "stopped" : "done";
  }
}
