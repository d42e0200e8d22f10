// All projects, and a form for a new one.

import { get, part, post, query } from "./api.js";
import { blame, count, failure, field, h, plural, say, show, time } from "./dom.js";

const PER_PAGE = 50;

export async function projects(_, search, signal) {
  const page = Number(search.get("page")) || 1;
  const list = await get(`/projects${query({ page, per_page: PER_PAGE })}`, signal);
  const none = list.projects.length === 0 && page === 1;
  return {
    title: "Projects",
    trail: [],
    parts: [
      none
        ? h("p", { class: "lead" }, "A project holds documents and the datasets made from them. Give the first one a name, then add documents to it.")
        : [h("ul", { class: "cards" }, list.projects.map(card)), pages(list, page)],
      create(none),
    ],
  };
}

function card(p) {
  return h("li", null,
    h("h2", null, h("a", { href: `#/projects/${part(p.id)}` }, p.name)),
    p.description && h("p", null, p.description),
    h("p", { class: "facts" }, `${plural(p.document_count, "document")}, ${plural(p.dataset_count, "dataset")}, made `, time(p.created_at)));
}

function pages(list, page) {
  if (list.total <= PER_PAGE) return null;
  const last = Math.ceil(list.total / PER_PAGE);
  return h("nav", { "aria-label": "Pages of projects", class: "pages" },
    page > 1 && h("a", { href: `#/?page=${page - 1}` }, "Before"),
    h("span", null, `Page ${count(page)} of ${count(last)}`),
    page < last && h("a", { href: `#/?page=${page + 1}` }, "Next"));
}

function create(isFirst) {
  const name = h("input", { name: "name", required: true, maxlength: 200, autocomplete: "off" });
  const description = h("input", { name: "description", autocomplete: "off" });
  const send = h("button", null, "Create the project");
  const fault = h("div");
  const form = h("form", { "aria-label": "New project", onsubmit: async (e) => {
    e.preventDefault();
    blame(name);
    show(fault);
    send.disabled = true;
    try {
      const made = await post("/projects", { name: name.value.trim(), description: description.value.trim() || null });
      say(`The project ${made.name} is there.`);
      location.hash = `#/projects/${part(made.id)}`;
    } catch (err) {
      if (err.status === 409 || err.errors?.some((x) => x.pointer === "/name")) {
        blame(name, err.errors?.find((x) => x.pointer === "/name")?.reason ?? err.message);
        name.focus();
      } else {
        show(fault, failure(err));
      }
    } finally {
      send.disabled = false;
    }
  } },
  field("Name", name), field("Description (optional)", description), fault, h("p", null, send));
  return h("section", null, h("h2", null, isFirst ? "The first project" : "A new project"), form);
}
