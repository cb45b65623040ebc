/** The status bar's item: what the runs do, and what they have used. */
import type * as vscode from "vscode";
import type { Controller } from "./controller.js";

const WORDS = 40;

export function showStatus(item: vscode.StatusBarItem, { doing, running, asking, waiting, spent }: Controller["summary"]): void {
  const used = spent ? ` · ${spent}` : "";
  if (asking) {
    item.text = "$(question) Kimi asks for your leave";
    item.tooltip = "A run needs your leave for something. Click to see what.";
  } else if (running) {
    const what = running > 1 ? `${running} runs` : doing.length > WORDS ? `${doing.slice(0, WORDS)}…` : doing;
    item.text = `$(sync~spin) Kimi: ${what.replaceAll("$(", "$ (")}${used}`;
    item.tooltip = "Kimi works on an issue. Click to watch.";
  } else if (waiting) {
    item.text = `$(diff) Kimi: ${waiting} to review${used}`;
    item.tooltip = "A patch waits for your review.";
  } else {
    item.text = `$(sparkle) Kimi${used}`;
    item.tooltip = "Have Kimi fix an issue";
  }
  item.accessibilityInformation = { label: item.text.replace(/\$\([^)]*\) ?/g, ""), role: "button" };
}
