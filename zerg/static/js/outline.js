// The outline follows the scroll, and jumps within the page where the prompt is already loaded.
import { everywhere } from "./page.js";

const outline = document.querySelector(".outline");

function follow(prompts) {
  const past = prompts.filter((prompt) => prompt.getBoundingClientRect().top < innerHeight / 3);
  const here = (past.at(-1) ?? prompts[0])?.id;
  for (const item of outline.querySelectorAll("li")) {
    const current = item.dataset.event === here;
    if (current && !item.classList.contains("here")) item.scrollIntoView({ block: "nearest" });
    item.classList.toggle("here", current);
  }
}

if (outline) {
  let prompts = [];
  let due = false;
  everywhere(() => (prompts = [...document.querySelectorAll(".conversation > .block.prompt")]));
  addEventListener("scroll", () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; follow(prompts); });
  }, { passive: true });
  outline.addEventListener("click", (event) => {
    const target = document.getElementById(event.target.closest("li")?.dataset.event ?? "");
    if (!target) return;
    event.preventDefault();
    target.scrollIntoView();
    history.replaceState(null, "", event.target.closest("a").href);
  });
  follow(prompts);
}
