// Loads more of a long session when its edge comes into sight, in both directions, without moving what is being read.
import { arrived, everywhere, piece } from "./page.js";

async function load(edge) {
  if (edge.dataset.loading) return;
  edge.dataset.loading = "1";
  const way = edge.querySelector("a");
  const fresh = await piece(way.href);
  for (const block of fresh.querySelectorAll(".block")) if (document.getElementById(block.id)) document.getElementById(block.id).closest(".block").remove();
  const earlier = edge.dataset.edge === "before";
  // Of what arrives, the edge on the side that is already here is not wanted.
  fresh.querySelector(`.edge[data-edge="${earlier ? "after" : "before"}"]`)?.remove();
  if (earlier) fresh.querySelector(".edge.end")?.remove();
  const anchor = edge.nextElementSibling;
  const top = anchor?.getBoundingClientRect().top ?? 0;
  edge.replaceWith(fresh);
  if (earlier && anchor) scrollBy(0, anchor.getBoundingClientRect().top - top);
  arrived(document);
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) load(entry.target);
}, { rootMargin: "600px 0px" });

everywhere((root) => {
  for (const edge of root.querySelectorAll(".edge[data-edge]")) seen.observe(edge);
});

// A link into the middle opens there: the browser has no fragment to go by.
const found = document.querySelector(".found");
if (found) {
  found.closest(".block").scrollIntoView({ block: "start" });
}
