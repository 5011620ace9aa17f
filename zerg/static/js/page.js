// Fetching pieces of pages and putting them in. Whoever decorates content listens for "arrived" on the document.

/** The HTML at `address` as a fragment, or null where nothing has changed since `etag`. */
export async function piece(address, etag = null) {
  const url = new URL(address, location.href);
  url.searchParams.set("partial", "1");
  const answer = await fetch(url, { cache: "no-store", headers: etag ? { "If-None-Match": etag } : {} });
  if (answer.status === 304) return null;
  if (!answer.ok) throw new Error(`${answer.status} ${url}`);
  const template = document.createElement("template");
  template.innerHTML = await answer.text();
  template.content.etag = answer.headers.get("ETag");
  return template.content;
}

/** Tell every behaviour that `root` is new. */
export function arrived(root) {
  document.dispatchEvent(new CustomEvent("arrived", { detail: root }));
}

/** Run `behave` on the page, and on all that arrives later. */
export function everywhere(behave) {
  behave(document);
  document.addEventListener("arrived", (event) => behave(event.detail));
}

/** A short word at the bottom, also for screen readers. */
export function say(words) {
  const toast = document.createElement("p");
  toast.className = "toast";
  toast.role = "status";
  toast.textContent = words;
  document.body.append(toast);
  setTimeout(() => toast.remove(), 1600);
}
