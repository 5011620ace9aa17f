// Marks what was searched for in an opened session and steps through it, without touching the document.
import { everywhere } from "./page.js";

const place = document.querySelector("[data-terms]");
const terms = place ? JSON.parse(place.dataset.terms).map((term) => term.toLowerCase()).filter(Boolean) : [];
let ranges = [];
let at = -1;

function find() {
  ranges = [];
  const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data.toLowerCase();
    if (text.length !== node.data.length) continue; // folding moved the letters: better no mark than a wrong one
    for (const term of terms) {
      for (let start = text.indexOf(term); start >= 0; start = text.indexOf(term, start + term.length)) {
        const range = new Range();
        range.setStart(node, start);
        range.setEnd(node, start + term.length);
        ranges.push(range);
      }
    }
  }
  ranges.sort((a, b) => a.compareBoundaryPoints(Range.START_TO_START, b));
  CSS.highlights.set("hit", new Highlight(...ranges));
}

/** Go to the next (1) or the previous (-1) hit. */
export function step(by) {
  if (!ranges.length) return;
  at = (Math.max(at, by > 0 ? -1 : 0) + by + ranges.length) % ranges.length;
  const range = ranges[at];
  for (let fold = range.startContainer.parentElement.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  CSS.highlights.set("hit-here", new Highlight(range));
  const { top } = range.getBoundingClientRect();
  scrollBy({ top: top - innerHeight / 3 });
}

if (terms.length && globalThis.CSS?.highlights) {
  everywhere(find);
  const block = document.querySelector(".found")?.closest(".block");
  const first = ranges.findIndex((range) => block?.contains(range.startContainer));
  if (first >= 0) {
    at = first - 1;
    step(1);
  }
}
