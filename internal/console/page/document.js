// The text of a document, by pages, with a place in it marked. Places count code points, as the API does.

import { get, part, query, trail } from "./api.js";
import { button, count, failure, h, plural, show } from "./dom.js";

const SIZE = 10_000; // code points of a page

export async function documentScreen(id, search, signal) {
  const d = await get(`/documents/${part(id)}`, signal);
  const start = Number(search.get("start")) || 0;
  const view = await textView(id, start, Number(search.get("end")) || start, signal);
  return { title: d.file_name, trail: await trail(d.project_id, signal), parts: view };
}

// openSource shows a quote in its document over the page. Closing it leads back to where it was opened.
export function openSource(evidence) {
  const ending = new AbortController();
  const body = h("div", { class: "reading" }, h("p", null, "Opening…"));
  const title = h("h2", { id: "source-title" }, evidence.document);
  const dialog = h("dialog", { "aria-labelledby": "source-title", onclose: () => { ending.abort(); dialog.remove(); } },
    h("div", { class: "bar" }, title, h("button", { type: "button", onclick: () => dialog.close() }, "Close")), body);
  document.body.append(dialog);
  dialog.showModal();
  addEventListener("hashchange", () => dialog.close(), { signal: ending.signal });
  textView(evidence.document_id, evidence.start, evidence.end, ending.signal)
    .then((parts) => {
      show(body, parts);
      body.querySelector("mark")?.scrollIntoView({ block: "center" });
      body.querySelector("mark")?.focus({ preventScroll: true });
    })
    .catch((err) => !ending.signal.aborted && show(body, failure(err)));
}

// textView is the page of a document on which start is, the text up to end marked, and a way to the other pages.
async function textView(id, start, end, signal) {
  const text = h("div", { class: "text", tabindex: "0", role: "region", "aria-label": "Text of the document" });
  const nav = h("nav", { class: "pages", "aria-label": "Pages of the document" });
  const fault = h("div");
  async function load(page) {
    const got = await get(`/documents/${part(id)}/content${query({ page, page_size: SIZE })}`, signal);
    show(text, marked(got.content, (page - 1) * SIZE, start, end));
    show(nav,
      button("Before", () => go(page - 1), () => fault, { disabled: page <= 1 }),
      h("span", null, `Page ${count(page)} of ${count(got.total_pages)}, ${plural(got.word_count, "word")} in all`),
      button("Next", () => go(page + 1), () => fault, { disabled: page >= got.total_pages }));
  }
  const go = async (page) => {
    await load(page);
    text.scrollTop = 0;
    text.focus();
  };
  await load(Math.floor(start / SIZE) + 1);
  return [nav, fault, text];
}

// marked is a text that begins at code point first, with what is from start to end marked.
export function marked(content, first, start, end) {
  const points = [...content];
  const from = Math.min(Math.max(start - first, 0), points.length);
  const to = Math.min(Math.max(end - first, from), points.length);
  if (to === from) return [content];
  const piece = (a, b) => points.slice(a, b).join("");
  return [piece(0, from), h("mark", { tabindex: "-1" }, piece(from, to)), piece(to)];
}
