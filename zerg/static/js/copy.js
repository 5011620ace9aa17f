// Copies what a button names, and gives every block of code a button.
import { everywhere, say } from "./page.js";

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    say("The browser did not allow copying"); // no permission, or a page that is not on localhost
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button.dataset.copy || button.previousElementSibling.textContent);
});

everywhere((root) => {
  for (const button of root.querySelectorAll("button[data-copy][hidden]")) button.hidden = false;
});

document.addEventListener("pointerover", (event) => {
  const block = event.target.closest?.(".copyable");
  if (!block || block.querySelector(":scope > .copy")) return;
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", () => copy(block.querySelector("pre").textContent));
  block.append(button);
});
