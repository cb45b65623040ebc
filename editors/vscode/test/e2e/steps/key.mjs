// A host that refuses the key: said with the way out; the key is entered, and the run goes on.
export default async function key(window) {
  const view = await window.fix("Is it free from exactly 50.00 on?");
  await view.locator(".trouble", { hasText: "refuses the key" }).waitFor();
  await window.shot("no-key");
  await view.getByRole("button", { name: "Enter another key" }).click();
  await window.answer("good-key");
  await window.page.locator(".notification-toast", { hasText: "The key is kept" }).waitFor();
  await window.palette("Notifications: Clear All Notifications");
  await view.getByRole("button", { name: "Go on" }).click();
  await view.locator(".stream .call", { hasText: "read_file shop.py" }).waitFor();
  await view.locator(".stream .message", { hasText: "It compares with >= now." }).first().waitFor();
}
