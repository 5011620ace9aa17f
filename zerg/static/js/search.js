// Results while you type, on the pages that have room for them; everywhere else the form asks on Enter.
import { arrived, everywhere, piece } from "./page.js";

const PAUSE = 160; // milliseconds without a key before the server is asked
const box = document.querySelector(".search input");
const place = document.querySelector("#timeline, #results");
let timer = 0;
let asked = box?.value ?? "";

async function ask() {
  const query = box.value.trim();
  if (query === asked) return;
  asked = query;
  if (!query) return location.assign("/");
  const address = `/?q=${encodeURIComponent(query)}`;
  const fresh = await piece(`${address}&typing=1`);
  if (query !== box.value.trim()) return; // a later question is under way
  place.id = "results";
  place.replaceChildren(fresh);
  document.title = `${query} · zerg`;
  history.replaceState(null, "", address);
  arrived(place);
}

if (place && box) {
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });
}

// Further results come when their end is in sight.
const seen = new IntersectionObserver(async ([entry]) => {
  if (!entry.isIntersecting || entry.target.dataset.loading) return;
  const nav = entry.target;
  nav.dataset.loading = "1";
  const fresh = await piece(nav.querySelector("a").href);
  const rows = [...fresh.querySelectorAll(".rows > .row")].filter((row) => !document.getElementById(row.id));
  document.querySelector(".rows").append(...rows);
  const next = fresh.querySelector(".more-pages");
  next ? nav.replaceWith(next) : nav.remove();
  arrived(document);
});

everywhere(() => {
  const nav = document.querySelector("#results .more-pages");
  if (nav) seen.observe(nav);
});
