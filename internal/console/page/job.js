// One job while it runs, and what became of it.

import { get, over, part, post, trail, watch } from "./api.js";
import { button, count, failure, h, left, plural, say, sentence, show, time, words } from "./dom.js";
import { bar, numbers } from "./plots.js";

export async function job(id, search, signal) {
  const begun = await get(`/jobs/status/${part(id)}`, signal);
  const live = h("div");
  const fault = h("div");
  const view = progressView(begun, fault);
  show(live, view.el);
  view.update(begun);
  if (!over(begun)) follow(begun.job_id, view, fault, signal);
  return {
    title: `${sentence(begun.kind)} ${begun.job_id.slice(0, 8)}`,
    trail: await trail(begun.project_id, signal),
    parts: [live, fault],
  };
}

async function follow(id, view, fault, signal) {
  try {
    for await (const j of watch(id, signal)) view.update(j);
  } catch (err) {
    if (!signal.aborted) show(fault, failure(err), h("p", null, "The job goes on by itself. Load this page again to see how far it is."));
  }
}

// progressView changes in place: what is in it keeps its focus, and a screen reader hears only what matters.
function progressView(begun, fault) {
  const meter = h("progress", { max: 100, "aria-label": "Progress" });
  const step = h("p", { class: "step" });
  const facts = h("p", { class: "facts" });
  const outcomes = h("div");
  const end = h("div");
  const actions = h("p", { class: "actions" });
  const el = h("div", null, step, meter, facts, actions, h("section", null, h("h2", null, "Chunks"), outcomes), end);
  let status = "";
  let tenth = -1;
  let drawn = "";

  function update(j) {
    const percent = Math.floor(j.progress ?? 0);
    meter.value = percent;
    step.textContent = over(j) ? outcome(j) : `${sentence(j.current_step || j.status)} – ${percent} %`;
    show(facts, ["begun ", time(j.started_at ?? j.created_at), j.estimated_completion && !over(j) && `, ${left(j.estimated_completion)}`, j.completed_at && [", ended ", time(j.completed_at)]]);
    const chunks = j.result?.chunks ?? j.chunks;
    const now = JSON.stringify(chunks ?? null);
    if (now !== drawn) show(outcomes, chunkView(chunks));
    drawn = now;
    if (j.status !== status) {
      show(actions, actionsOf(j, fault));
      if (over(j)) show(end, resultView(j));
      if (over(j) && status) say(outcome(j));
      status = j.status;
    } else if (Math.floor(percent / 10) !== tenth && !over(j)) {
      say(`${percent} percent. ${j.current_step ?? ""}`);
    }
    tenth = Math.floor(percent / 10);
  }
  return { el, update };
}

function outcome(j) {
  if (j.status === "completed") return j.result?.dataset_id ? `The dataset is ready: ${plural(j.result.entries, "entry", "entries")}.` : "The job is done.";
  return j.status === "cancelled" ? "The job was cancelled." : `The job failed. ${j.error ?? ""}`;
}

function actionsOf(j, fault) {
  const place = () => fault;
  if (!over(j)) {
    return button("Cancel the job", async () => {
      await post(`/jobs/cancel/${part(j.job_id)}`, {});
      say("The job is being cancelled.");
    }, place);
  }
  const all = [];
  if (j.result?.dataset_id) all.push(h("a", { class: "button", href: `#/datasets/${part(j.result.dataset_id)}` }, "Look at the dataset"));
  if (j.status !== "completed" || j.result?.chunks?.failed > 0) {
    all.push(button("Try what failed again", async () => {
      const next = await post(`/jobs/${part(j.job_id)}/retry`, {});
      location.hash = `#/jobs/${part(next.job_id)}`;
    }, place));
  }
  all.push(h("a", { href: `#/projects/${part(j.project_id)}` }, "Back to the project"));
  return all;
}

const kinds = ["with_entries", "empty", "failed"];

function chunkView(c) {
  if (!c?.total) return h("p", null, "The documents are read first; then their chunks are counted here.");
  const parts = kinds.map((kind) => [kind, words(kind), c[kind] ?? 0]);
  const waiting = Math.max(0, c.total - parts.reduce((n, [, , v]) => n + v, 0));
  if (waiting) parts.push(["waiting", "not done yet", waiting]);
  return [
    bar(parts, `Of ${plural(c.total, "chunk")}: ${parts.map(([, label, v]) => `${count(v)} ${label}`).join(", ")}.`),
    h("ul", { class: "legend" }, parts.map(([kind, label, v]) => h("li", null, h("span", { class: `swatch ${kind}`, "aria-hidden": "true" }), `${count(v)} ${label}`))),
    reasons("Why chunks have no entries", c.reasons),
  ];
}

function reasons(title, all) {
  const rows = Object.entries(all ?? {}).sort((a, b) => b[1] - a[1]);
  return rows.length > 0 && h("details", null, h("summary", null, title), numbers("Reason", "Number", rows.map(([k, v]) => [words(k), v])));
}

function resultView(j) {
  const r = j.result;
  const warnings = [...new Set([...(j.warnings ?? []), ...(r?.warnings ?? [])])];
  const unread = Object.entries(r?.documents?.reasons ?? {});
  const u = r?.usage;
  return h("section", null,
    h("h2", null, "What came of it"),
    warnings.length > 0 && h("ul", { class: "notes" }, warnings.map((w) => h("li", null, w))),
    unread.length > 0 && h("div", null, h("h3", null, "Documents that could not be read"), h("ul", null, unread.map(([name, why]) => h("li", null, `${name}: ${why}`)))),
    r && h("dl", null,
      pair("Entries", count(r.entries)),
      pair("Version", r.version),
      pair("Model", r.model),
      u && pair("Model calls", `${count(u.calls)}${u.reused ? `, and ${count(u.reused)} kept replies used again` : ""}`),
      u && pair("Tokens", `${count(u.input_tokens)} read, ${count(u.output_tokens)} written`),
      u?.cost_usd > 0 && pair("Cost", `$${u.cost_usd.toFixed(4)}`)),
    reasons("Entries that were left out", r?.rejected),
    !r && h("p", null, "There is no result."));
}

const pair = (name, value) => value != null && value !== "" && h("div", null, h("dt", null, name), h("dd", null, value));
