// The keyboard: / j k Enter Esc [ ] n N g t g s ?
import { step } from "./hits.js";

const dialog = document.querySelector("dialog#keys");
const box = document.querySelector(".search input");
const rows = () => [...document.querySelectorAll(".row")];
const clear = () => innerHeight / 4;

function choose(by) {
  const all = rows();
  if (!all.length) return;
  const now = all.findIndex((row) => row.classList.contains("here"));
  const next = all[Math.min(Math.max(now + by, 0), all.length - 1)];
  all[now]?.classList.remove("here");
  next.classList.add("here");
  next.querySelector("h3 a").focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  const { top } = next.getBoundingClientRect();
  if (top < clear()) scrollBy(0, top - clear());
}

function block(by, selector) {
  const line = clear() / 2;
  const all = [...document.querySelectorAll(`.conversation > ${selector}`)];
  const top = (element) => element.getBoundingClientRect().top - line;
  const next = by > 0 ? all.find((element) => top(element) > 8) : all.findLast((element) => top(element) < -8);
  if (next) scrollBy(0, top(next));
}

const inSession = () => document.querySelector(".conversation");
const KEYS = {
  "/": () => box?.focus(),
  j: () => (inSession() ? block(1, ".block") : choose(1)),
  k: () => (inSession() ? block(-1, ".block") : choose(-1)),
  "]": () => block(1, ".block.prompt"),
  "[": () => block(-1, ".block.prompt"),
  n: () => step(1),
  N: () => step(-1),
  "?": () => dialog.showModal(),
  gt: () => location.assign("/"),
  gs: () => location.assign("/stats"),
  Escape: () => (inSession() && !document.querySelector("dialog[open], details.chip[open]") ? history.length > 1 && history.back() : null),
};

let before = "";
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.matches("input, textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const action = KEYS[before + event.key] ?? KEYS[event.key];
  before = event.key === "g" ? "g" : "";
  if (!action) return;
  if (event.key !== "Escape") event.preventDefault();
  action();
});

for (const button of document.querySelectorAll("[data-keys]")) {
  button.hidden = false;
  button.addEventListener("click", () => dialog.showModal());
}
