// Menus close when something else is clicked, another one opens, or Escape is pressed; "Expand all" opens every card.
const menus = () => document.querySelectorAll("details.chip[open]");

document.addEventListener("click", (event) => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  const all = event.target.closest("[data-all]");
  if (all) for (const card of document.querySelectorAll(".tool, .fold")) card.open = all.dataset.all === "open";
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

for (const button of document.querySelectorAll("[data-all]")) button.hidden = false;
