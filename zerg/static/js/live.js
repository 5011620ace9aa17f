// Live update by polling: answered 304 while nothing changes, and paused while nobody looks.
import { arrived, piece } from "./page.js";

const PAUSE = 1500; // milliseconds
const reach = 160; // pixels from the end that still count as "at the end"

/** Poll `step` while the page is seen; a server that is away is asked less and less often. */
async function watch(step) {
  for (let pause = PAUSE; ; ) {
    await new Promise((wake) => setTimeout(wake, pause));
    if (document.hidden) continue;
    try {
      await step();
      pause = PAUSE;
    } catch {
      pause = Math.min(pause * 2, 30000);
    }
  }
}

const timeline = document.querySelector("[data-poll]");
if (timeline) {
  let etag = timeline.dataset.etag || null;
  watch(async () => {
    if (timeline.id !== "timeline" || timeline.querySelector("details[open]")) return; // results stand here, or a menu is in use
    const fresh = await piece(timeline.dataset.poll, etag);
    if (!fresh) return;
    const chosen = timeline.querySelector(".row.here")?.id;
    etag = fresh.etag;
    timeline.replaceChildren(fresh);
    if (chosen) document.getElementById(chosen)?.classList.add("here");
    arrived(timeline);
  });
}

const conversation = document.querySelector("[data-tail]");
if (conversation) {
  let etag = null;
  let unseen = 0;
  const pill = document.createElement("button");
  pill.className = "button";
  const shelf = document.createElement("div");
  shelf.className = "arrived";
  shelf.hidden = true;
  shelf.append(pill);
  conversation.after(shelf);
  const atEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - reach;
  const toEnd = () => scrollTo({ top: document.documentElement.scrollHeight });
  pill.addEventListener("click", toEnd);
  addEventListener("scroll", () => { if (!shelf.hidden && atEnd()) { unseen = 0; shelf.hidden = true; } }, { passive: true });

  watch(async () => {
    const end = conversation.querySelector(".edge.end[data-after]");
    if (!end) return; // the end of the session is not loaded
    const fresh = await piece(end.dataset.after, etag);
    if (!fresh) return;
    etag = fresh.etag;
    const blocks = [...fresh.querySelectorAll(".block")];
    if (!blocks.length) return;
    const follow = atEnd();
    for (const block of blocks) document.getElementById(block.id)?.remove();
    end.replaceWith(fresh);
    arrived(conversation);
    if (follow) return toEnd();
    unseen += blocks.length;
    pill.textContent = `${unseen} new ↓`;
    shelf.hidden = false;
  });
}

const filling = document.querySelector("[data-filling]");
if (filling) {
  const progress = filling.querySelector("progress");
  watch(async () => {
    const health = await (await fetch("/api/health", { cache: "no-store" })).json();
    const { state, done_bytes: done, total_bytes: total } = health.import;
    filling.hidden = state !== "running";
    if (total) [progress.max, progress.value] = [total, done];
  });
}
