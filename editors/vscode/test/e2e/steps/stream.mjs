// A run of 300 calls and long thoughts: measured while it streams. And a model's hostile words: shown as text, harmless.
import assert from "node:assert/strict";

/** In the webview: the longest task, the time of each message, the size of the page. */
const watch = () => {
  window.measured = { longest: 0, tasks: 0, messages: 0, spent: 0, worst: 0 };
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) {
      window.measured.tasks++;
      window.measured.longest = Math.max(window.measured.longest, one.duration);
    }
  }).observe({ type: "longtask" });
  const post = () => {
    const from = performance.now();
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      const took = performance.now() - from;
      window.measured.messages++;
      window.measured.spent += took;
      window.measured.worst = Math.max(window.measured.worst, took);
    };
    channel.port2.postMessage(0); // comes after the message has been shown
  };
  window.addEventListener("message", post, { capture: true });
};

async function long(window) {
  const { page } = window;
  const view = await window.home();
  await view.evaluate(watch);
  const from = performance.now();
  await window.fix("It is a long run");
  await view.locator(".state:not(.working)", { hasText: "Submitted" }).waitFor();
  const seconds = (performance.now() - from) / 1000;
  const measured = await view.evaluate(() => ({ ...window.measured, rows: document.querySelectorAll(".stream > li").length, elements: document.querySelectorAll("*").length }));
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const { metrics } = await session.send("Performance.getMetrics");
  const heap = metrics.find((one) => one.name === "JSHeapUsedSize").value / 1e6;
  console.log(`  300 calls in ${seconds.toFixed(1)} s: ${measured.messages} messages, ${(measured.spent / measured.messages).toFixed(1)} ms each in the mean, ${measured.worst.toFixed(0)} ms at most; ${measured.tasks} long tasks, the longest ${measured.longest.toFixed(0)} ms; ${measured.rows} rows, ${measured.elements} elements; heap of the page ${heap.toFixed(0)} MB`);
  assert.ok(measured.rows <= 82, "old entries leave the page");
  await view.locator(".more", { hasText: "earlier" }).click();
  await window.until("more rows", async () => (await view.locator(".stream > li").count()) > 100);
  // a long thought is folded, its whole text one key away
  const thought = view.locator(".stream .thought", { has: view.locator(".clamped") }).first();
  await thought.getByRole("button", { name: "Show the whole thought" }).press("Enter");
  await view.getByRole("button", { name: "Fold this thought" }).waitFor();
  await window.shot("long");
}

async function hostile(window) {
  const view = await window.fix("Some hostile words");
  await view.locator(".stream .message", { hasText: "Heading" }).first().waitFor();
  await view.locator(".state:not(.working)").waitFor();
  const message = view.locator(".stream .message .words").first();
  assert.equal(await view.locator(".stream img, .stream script, .stream a, .proof img, .proof script, .proof a, .stream iframe").count(), 0, "nothing that loads, runs or leads away");
  const text = await message.innerText();
  for (const part of ["<script>document.title='owned'</script>", "command:workbench.action.closeWindow", "javascript:alert(1)", "⟨U+202E⟩gnp.exe⟨U+202C⟩", "a⟨U+200B⟩b", "coloured: red.", "4000 more characters"]) assert.ok(text.includes(part), `${part} in:\n${text}`);
  for (const tag of ["h4", "strong", "code", "pre", "table", "blockquote", ".list .list"]) assert.ok((await message.locator(tag).count()) > 0, tag);
  const call = view.locator(".stream .call", { hasText: "run_command" }).first();
  await call.locator("summary").click();
  const output = await call.locator("pre").innerText();
  assert.ok(output.includes("red <script>alert(1)</script> ⟨U+202E⟩turned") && !output.includes("\u001b"), output.slice(0, 300));
  assert.doesNotMatch(await view.evaluate(() => document.title), /owned/);
  const wide = await view.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `the view is ${wide} px wider than its place`);
  await message.locator("h4").evaluate((one) => one.scrollIntoView());
  await window.shot("hostile");
}

export default async function stream(window) {
  window.reset();
  for (const one of [long, hostile]) await one(window);
}
