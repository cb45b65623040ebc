/** A model's Markdown as elements. Raw HTML, links and pictures are shown as the text that they are: nothing can be clicked, loaded or run. */
import { type MarkedToken, type Token, lexer } from "marked";
import { bounded } from "../src/plain.js";
import { type Child, element } from "./elements.js";

/** Above this it is shown as it is written. */
const CHARS = 20_000;
/** Lists and quotes within each other, before they are shown as they are written. */
const DEEP = 12;

export function markdown(text: string): Child[] {
  const safe = bounded(text);
  if (safe.length > CHARS) return [element("div", { class: "text" }, safe)];
  try {
    return lexer(safe).map((token) => block(token, 0));
  } catch {
    return [element("div", { class: "text" }, safe)];
  }
}

function block(given: Token, depth: number): Child {
  const token = given as MarkedToken;
  if (depth > DEEP) return element("p", {}, token.raw);
  switch (token.type) {
    case "space":
    case "def":
      return undefined;
    case "heading":
      return element("h4", {}, ...inline(token.tokens, depth));
    case "paragraph":
      return element("p", {}, ...inline(token.tokens, depth));
    case "text":
      return element("span", {}, ...(token.tokens ? inline(token.tokens, depth) : [token.text]));
    case "code":
      return element("pre", { tabIndex: 0 }, token.text);
    case "blockquote":
      return element("blockquote", {}, ...token.tokens.map((one) => block(one, depth + 1)));
    case "list":
      return element(token.ordered ? "ol" : "ul", { class: "list" }, ...token.items.map((item) => element("li", {}, ...item.tokens.map((one) => block(one, depth + 1)))));
    case "hr":
      return element("hr");
    case "table":
      return table([token.header, ...token.rows].map((row) => row.map((cell) => inline(cell.tokens, depth))));
    default:
      return element("p", {}, token.raw);
  }
}

function inline(tokens: readonly Token[], depth: number): Child[] {
  if (depth > DEEP) return tokens.map((token) => token.raw);
  return tokens.map((given): Child => {
    const token = given as MarkedToken;
    switch (token.type) {
      case "strong":
      case "em":
      case "del":
        return element(token.type, {}, ...inline(token.tokens, depth + 1));
      case "codespan":
        return element("code", {}, token.text);
      case "br":
        return element("br");
      case "escape":
        return token.text;
      case "text":
        return token.text;
      case "link":
        return token.text === token.href ? token.href : `${token.text} (${token.href})`;
      default:
        return token.raw;
    }
  });
}

function table(rows: Child[][][]): HTMLElement {
  const made = rows.map((cells, index) => element("tr", {}, ...cells.map((cell) => element(index ? "td" : "th", {}, ...cell.filter((one) => one !== undefined && one !== false)))));
  return element("table", {}, ...made);
}
