/** The way to the extension. */
import type { FromWebview, ViewCommand } from "../src/protocol.js";

declare function acquireVsCodeApi(): { postMessage(message: FromWebview): void };
const host = acquireVsCodeApi();

export const say = (message: FromWebview) => host.postMessage(message);
export const command = (name: ViewCommand) => () => say({ type: "command", command: name });
