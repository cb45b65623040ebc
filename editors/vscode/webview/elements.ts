/** Making the page: elements from plain values; text is always set as text. */

export type Child = Node | string | undefined | false;

export interface Attributes {
  readonly class?: string;
  readonly click?: () => void;
  readonly label?: string;
  readonly role?: string;
  readonly title?: string;
  readonly key?: string;
  readonly open?: boolean;
  readonly disabled?: boolean;
  readonly tabIndex?: number;
}

export function element<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (attributes.class) made.className = attributes.class;
  if (attributes.label) made.setAttribute("aria-label", attributes.label);
  if (attributes.role) made.setAttribute("role", attributes.role);
  if (attributes.title) made.title = attributes.title;
  if (attributes.key) made.dataset.key = attributes.key;
  if (attributes.tabIndex !== undefined) made.tabIndex = attributes.tabIndex;
  if (attributes.open && made instanceof HTMLDetailsElement) made.open = true;
  if (attributes.disabled && made instanceof HTMLButtonElement) made.disabled = true;
  if (attributes.click) made.addEventListener("click", attributes.click);
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

export function button(text: string, click: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element("button", { ...attributes, click }, text);
  made.type = "button";
  return made;
}

/** A fold whose content is made when it is first opened. */
export function fold(attributes: Attributes, summary: HTMLElement, make: () => Child[]): HTMLDetailsElement {
  const made = element("details", attributes, summary);
  const fill = () => {
    if (!made.open) return;
    made.removeEventListener("toggle", fill);
    made.append(...make().filter((child) => child !== undefined && child !== false));
  };
  if (made.open) fill();
  else made.addEventListener("toggle", fill);
  return made;
}

/** A part of the page that is made anew only when what it shows has changed. */
export class Part {
  private last = "";
  constructor(readonly node: HTMLElement) {}

  /** Returns whether it was made anew. */
  show(what: unknown, make: () => Child[]): boolean {
    const now = JSON.stringify([what]);
    if (now === this.last) return false;
    this.last = now;
    const active = document.activeElement instanceof HTMLElement && this.node.contains(document.activeElement) ? document.activeElement : undefined;
    const unfolded = new Map([...this.node.querySelectorAll<HTMLDetailsElement>("details[data-key]")].map((one) => [one.dataset.key, one.open]));
    const children = make().filter((child) => child !== undefined && child !== false);
    this.node.replaceChildren(...children);
    this.node.hidden = children.length === 0;
    for (const one of this.node.querySelectorAll<HTMLDetailsElement>("details[data-key]")) one.open = unfolded.get(one.dataset.key) ?? one.open;
    if (active) this.refocus(active.dataset.key);
    return true;
  }

  /** The keyboard stays where it was, or goes to what stands there now. */
  private refocus(key: string | undefined): void {
    const same = key === undefined ? null : this.node.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
    const next = same ?? this.node.querySelector<HTMLElement>("button:not(:disabled), summary");
    if (next) next.focus({ preventScroll: true });
    else document.querySelector<HTMLElement>("textarea")?.focus({ preventScroll: true });
  }
}

export const part = (tag: "section" | "header", name: string, label?: string) => new Part(element(tag, { class: name, ...(label ? { label } : {}) }));
