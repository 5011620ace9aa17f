// Dragging over the activity chart narrows the Timeline to the days under the drag.
import { everywhere } from "./page.js";

function watch(chart) {
  const bars = [...chart.querySelectorAll("a[data-first]")];
  let from = null;
  const under = (event) => document.elementsFromPoint(event.clientX, event.clientY).map((e) => e.closest("a[data-first]")).find((a) => bars.includes(a));
  const span = (to) => [bars.indexOf(from), bars.indexOf(to)].sort((a, b) => a - b);
  let dragged = false;

  chart.addEventListener("dragstart", (event) => event.preventDefault());
  chart.addEventListener("pointerdown", (event) => ([from, dragged] = [event.button ? null : under(event) ?? null, false]));
  chart.addEventListener("pointermove", (event) => {
    const to = from && under(event);
    if (!to || (to === from && !dragged)) return;
    dragged = true;
    chart.classList.add("choosing");
    const [first, last] = span(to);
    bars.forEach((bar, index) => bar.classList.toggle("chosen", index >= first && index <= last));
  });
  chart.addEventListener("click", (event) => dragged && event.preventDefault());
  addEventListener("pointerup", (event) => {
    const to = from && dragged && (under(event) ?? bars.findLast((bar) => bar.classList.contains("chosen")));
    from = null;
    chart.classList.remove("choosing");
    if (!to) return;
    const chosen = bars.filter((bar) => bar.classList.contains("chosen"));
    const address = new URL(chosen[0].href.baseVal ?? chosen[0].href, location.href);
    address.searchParams.set("after", chosen[0].dataset.first);
    address.searchParams.set("before", chosen.at(-1).dataset.last);
    location.assign(address);
  });
}

everywhere((root) => root.querySelectorAll(".bars").forEach(watch));
