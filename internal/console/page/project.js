// One project: its documents, the form that makes a dataset of them, its jobs and datasets.

import { get, part, query, remove } from "./api.js";
import { button, count, h, plural, say, sentence, show, size, time } from "./dom.js";
import { generateForm } from "./generate.js";
import { documentsOf, uploader } from "./upload.js";

const PER_PAGE = 50;

export async function project(id, search, signal) {
  const p = await get(`/projects/${part(id)}`, signal);
  const documents = h("div");
  const make = h("div");
  const results = h("div");
  const jobs = h("div");
  let hasForm = false;

  async function showDocuments(page = 1) {
    const list = await documentsOf(p.id, page, PER_PAGE, signal);
    if (list.documents.length === 0 && page > 1) return showDocuments(page - 1);
    show(documents, documentList(list, page, showDocuments));
    if (list.total === 0) {
      hasForm = false;
      show(make, h("p", null, "Add documents first. Then choose here what to make of them."));
    } else if (!hasForm) {
      show(make, await generateForm(p, signal));
      hasForm = true;
    }
  }
  async function showResults() {
    const list = await get(`/datasets${query({ project_id: p.id, per_page: PER_PAGE })}`, signal);
    show(results, list.datasets.length ? h("ul", { class: "cards" }, list.datasets.map(datasetCard)) : h("p", null, "There are none yet. They appear here when a job has made them."));
  }
  async function showJobs() {
    const list = await get(`/jobs${query({ project_id: p.id, per_page: 20 })}`, signal);
    show(jobs, list.jobs.length ? jobTable(list.jobs) : h("p", null, "No job has run yet."));
  }
  await Promise.all([showDocuments(), showResults(), showJobs()]);
  return {
    title: p.name,
    trail: [["Projects", "#/"]],
    parts: [
      p.description && h("p", { class: "lead" }, p.description),
      h("section", null, h("h2", null, "Documents"), uploader(p.id, showDocuments), documents),
      h("section", null, h("h2", null, "Make a dataset"), make),
      h("section", null, h("h2", null, "Datasets"), results),
      h("section", null, h("h2", null, "Jobs"), jobs),
    ],
  };
}

const standing = {
  uploaded: "waits to be read: making a dataset does that",
  processed: "ready",
  unreadable: "cannot be read",
};

function documentList(list, page, go) {
  if (list.documents.length === 0) return h("p", null, "There are no documents yet.");
  const fault = h("div");
  const rows = list.documents.map((d) => h("tr", null,
    h("th", { scope: "row" }, d.status === "processed" ? h("a", { href: `#/documents/${part(d.id)}` }, d.file_name) : d.file_name),
    h("td", null, standing[d.status] ?? sentence(d.status), d.error && `: ${d.error}`),
    h("td", { class: "number" }, size(d.size)),
    h("td", null, button("Delete", async () => {
      if (!confirm(`Delete ${d.file_name}? Datasets made from it stay.`)) return;
      await remove(`/documents/${part(d.id)}`);
      say(`${d.file_name} is deleted.`);
      await go(page);
      document.getElementById("files").focus();
    }, () => fault, { class: "plain", "aria-label": `Delete ${d.file_name}` }))));
  const last = Math.ceil(list.total / PER_PAGE);
  return [
    fault,
    h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Documents" }, h("table", null,
      h("caption", null, plural(list.total, "document")),
      h("thead", null, h("tr", null, ["Name", "State", "Size", "Action"].map((t) => h("th", { scope: "col", class: t === "Size" && "number" }, t)))),
      h("tbody", null, rows))),
    last > 1 && h("nav", { class: "pages", "aria-label": "Pages of documents" },
      button("Before", () => go(page - 1), () => fault, { disabled: page === 1 }),
      h("span", null, `Page ${count(page)} of ${count(last)}`),
      button("Next", () => go(page + 1), () => fault, { disabled: page === last })),
  ];
}

function datasetCard(d) {
  const facts = [plural(d.total_entries, "entry", "entries"), `version ${d.version}`];
  return h("li", null,
    h("h3", null, h("a", { href: `#/datasets/${part(d.id)}` }, d.name)),
    h("p", { class: "facts" }, facts.join(", "), ", made ", time(d.created_at)));
}

function jobTable(jobs) {
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Jobs" }, h("table", null,
    h("thead", null, h("tr", null, ["Job", "State", "Progress", "Begun"].map((t) => h("th", { scope: "col", class: t === "Progress" && "number" }, t)))),
    h("tbody", null, jobs.map((j) => h("tr", null,
      h("th", { scope: "row" }, h("a", { href: `#/jobs/${part(j.job_id)}` }, `${sentence(j.kind)} ${j.job_id.slice(0, 8)}`)),
      h("td", null, sentence(j.status)),
      h("td", { class: "number" }, `${j.progress ?? 0} %`),
      h("td", null, time(j.created_at)))))));
}
