// The entries of a dataset: filters, pages, where each comes from, and changing one.

import { get, part, query, request } from "./api.js";
import { blame, button, count, failure, field, h, plural, say, score, select, sentence, show } from "./dom.js";
import { openSource } from "./document.js";

const PER_PAGE = 20;
const levels = ["beginner", "intermediate", "advanced", "expert"];
const filters = ["sort_by", "filter_quality", "category", "difficulty", "q", "flagged"];

// entriesView keeps what is asked for in the address, so that going back finds it.
export async function entriesView(d, search, signal, changed) {
  const list = h("div", { class: "entries" });
  const found = h("p", { role: "status" });
  const fault = h("div");
  const asked = Object.fromEntries(filters.map((name) => [name, search.get(name) ?? ""]));
  let page = Number(search.get("page")) || 1;

  const form = filterForm(d, asked, () => load(1));
  async function load(to) {
    const values = Object.fromEntries(filters.map((name) => [name, value(form.elements[name])]));
    try {
      const got = await get(`/datasets/${part(d.id)}/entries${query({ ...values, page: to, per_page: PER_PAGE })}`, signal);
      if (signal.aborted) return;
      page = to;
      show(fault);
      for (const name of filters) blame(form.elements[name]);
      found.textContent = got.total ? `${plural(got.total, "entry", "entries")} found.` : "No entry is like that. Take back a filter to see more.";
      show(list, got.entries.length > 0 && h("ol", { start: (page - 1) * PER_PAGE + 1 }, got.entries.map((e) => item(d, e, signal, changed))), pages(got.total));
      const kept = query({ ...values, sort_by: values.sort_by === "quality" ? "" : values.sort_by, page: page > 1 ? page : "" });
      history.replaceState(null, "", `#/datasets/${part(d.id)}${kept}`);
    } catch (err) {
      if (signal.aborted) return;
      const wrong = (err.errors ?? []).filter((x) => form.elements[x.parameter]);
      for (const x of wrong) blame(form.elements[x.parameter], x.reason);
      if (!wrong.length) show(fault, failure(err));
    }
  }
  function pages(total) {
    const last = Math.ceil(total / PER_PAGE);
    if (last < 2) return null;
    const go = (to) => async () => {
      await load(to);
      heading.focus();
    };
    return h("nav", { class: "pages", "aria-label": "Pages of entries" },
      button("Before", go(page - 1), () => fault, { disabled: page === 1 }),
      h("span", null, `Page ${count(page)} of ${count(last)}`),
      button("Next", go(page + 1), () => fault, { disabled: page >= last }));
  }
  const heading = h("h2", { tabindex: "-1" }, "Entries");
  const section = h("section", null, heading, form, fault, found, list);
  await load(page);
  return section;
}

const value = (control) => (control.type === "checkbox" ? control.checked : control.value.trim());

function filterForm(d, asked, load) {
  const names = Object.keys(d.quality_summary?.categories ?? {}).sort();
  const any = (label, all) => [["", label], ...all.map((x) => [x, x])];
  const control = {
    sort_by: select([["quality", "Quality, best first"], ["category", "Category"], ["difficulty", "Difficulty"]], asked.sort_by || "quality", { name: "sort_by" }),
    filter_quality: h("input", { type: "number", name: "filter_quality", min: 0, max: 1, step: 0.05, value: asked.filter_quality }),
    category: select(any("Any", names), asked.category, { name: "category" }),
    difficulty: select(any("Any", levels), asked.difficulty, { name: "difficulty" }),
    q: h("input", { type: "search", name: "q", value: asked.q }),
    flagged: h("input", { type: "checkbox", name: "flagged", checked: asked.flagged === "true" }),
  };
  return h("form", { class: "grid filters", role: "search", "aria-label": "Entries", onsubmit: (e) => { e.preventDefault(); load(); } },
    field("Sort by", control.sort_by), field("Quality at least", control.filter_quality), field("Category", control.category),
    field("Difficulty", control.difficulty), field("Text", control.q), field("Only those with faults", control.flagged),
    h("p", null, h("button", null, "Show")));
}

// item is one entry. It can be changed in place.
function item(d, entry, signal, changed) {
  const el = h("li");
  const fault = h("div");
  const read = (e) => {
    show(el, h("article", { "aria-label": e.id },
      h("h3", null, e.question || e.instruction || "(no question)"),
      h("p", { class: "answer" }, e.answer || e.output || "(no answer)"),
      e.summary && e.summary !== e.answer && h("p", { class: "answer" }, h("strong", null, "Summary: "), e.summary),
      h("ul", { class: "tags" }, [e.category, e.difficulty, `quality ${score(e.quality_score)}`, e.split, ...(e.quality?.faults ?? []).map((f) => `fault: ${f.replaceAll("_", " ")}`)].filter(Boolean).map((t) => h("li", null, t))),
      sources(e), fault,
      h("p", { class: "actions" }, edit)));
  };
  const edit = button("Edit", async () => {
    const now = await fresh(d, entry, signal);
    show(fault);
    show(el, editor(d, now, signal, async (next) => {
      entry = next ?? now.entry;
      read(entry);
      edit.focus();
      if (next) await changed().catch(() => {}); // the plots are as they were
    }));
    el.querySelector("textarea").focus();
  }, () => fault, { "aria-label": `Edit ${entry.id}` });
  read(entry);
  return el;
}

function sources(e) {
  if (!e.evidence?.length) return h("p", { class: "help" }, "It names no place in a document.");
  return e.evidence.map((v) => h("figure", null, h("blockquote", null, v.quote),
    h("figcaption", null, h("button", { type: "button", class: "plain", onclick: () => openSource(v) }, `Show it in ${v.document}`))));
}

const at = (d, entry) => `/datasets/${part(d.id)}/entries/${part(entry.id)}`;

// fresh is an entry as it is now, with the tag that says so.
async function fresh(d, entry, signal) {
  const answer = await request("GET", at(d, entry), { signal });
  return { entry: await answer.json(), tag: answer.headers.get("ETag") };
}

function editor(d, { entry, tag }, signal, done) {
  const texts = ["question", "answer", "category"];
  const control = Object.fromEntries(texts.map((name) => [name, name === "category" ? h("input", { name, value: entry[name] ?? "" }) : h("textarea", { name, rows: name === "answer" ? 6 : 3 }, entry[name] ?? "")]));
  const feedback = h("input", { name: "feedback", autocomplete: "off" });
  const fault = h("div");
  const send = h("button", null, "Save");
  return h("form", { "aria-label": `Edit ${entry.id}`, onkeydown: (e) => { if (e.key === "Escape") done(); }, onsubmit: async (e) => {
    e.preventDefault();
    show(fault);
    for (const name of texts) blame(control[name]);
    const body = Object.fromEntries(texts.filter((name) => control[name].value !== (entry[name] ?? "")).map((name) => [name, control[name].value]));
    if (feedback.value) body.feedback = feedback.value;
    if (!Object.keys(body).length) return done();
    send.disabled = true;
    try {
      await request("PUT", at(d, entry), { body, headers: { "If-Match": tag } });
      const next = await fresh(d, entry, signal);
      say(`${entry.id} is saved.`);
      await done(next.entry);
    } catch (err) {
      const wrong = (err.errors ?? []).map((x) => [x.pointer?.slice(1), x.reason]).filter(([name]) => control[name]);
      for (const [name, reason] of wrong) blame(control[name], reason);
      if (wrong.length) control[wrong[0][0]].focus();
      else show(fault, err.status === 412 ? stale() : failure(err));
    } finally {
      send.disabled = false;
    }
  } },
  texts.map((name) => field(sentence(name), control[name])), field("Why (optional)", feedback, "It is kept with the change."), fault,
  h("p", { class: "actions" }, send, h("button", { type: "button", class: "plain", onclick: () => done() }, "Leave it as it was")));

  // stale tells that another change came first. What was typed stays.
  function stale() {
    const el = h("div", { class: "failure", role: "alert" }, h("p", null, "Somebody changed this entry in the meantime. What you typed is still here."),
      button("Show how it is now", async () => {
        const now = await fresh(d, entry, signal);
        tag = now.tag;
        show(el, h("p", null, "It is now:"), h("p", null, h("strong", null, now.entry.question)), h("p", null, now.entry.answer), h("p", null, "Saving puts your text in its place."));
      }, () => fault));
    return el;
  }
}
