// "Show all" puts the whole text where its beginning stood.
document.addEventListener("click", async (event) => {
  const way = event.target.closest("a[data-whole]");
  if (!way || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const answer = await fetch(way.href);
  if (!answer.ok) return location.assign(way.href);
  const before = way.previousElementSibling;
  const shown = before.matches("pre, .said") ? before : before.querySelector("pre") ?? before;
  shown.textContent = await answer.text();
  way.remove();
});
