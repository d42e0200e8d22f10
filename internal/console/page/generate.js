// The form that starts a job. Every field, its default, limits and help are those of the server's own description of
// POST /datasets/generate; only their order and grouping are made here.

import { Failure, get, operation, part, post, spec } from "./api.js";
import { blame, failure, field, freshID, h, say, sentence, show } from "./dom.js";

// first are the fields most jobs set; groups the others. What is in neither comes last.
const first = ["dataset_name", "generation_mode", "classification_model", "datasets_per_chunk", "quality_threshold", "format_type"];
const groups = [
  ["Quality", ["analyze_quality", "scoring_model", "max_failed_share", "include_evaluation_sets", "split_ratios", "quotas"]],
  ["Prompt", ["prompt_name", "custom_prompt", "taxonomy_project", "taxonomy_name", "temperature", "max_tokens", "seed"]],
  ["Reading and models", ["document_ids", "chunk_strategy", "chunk_size", "overlap", "delimiter", "parser", "parsing_model", "chunking_model", "generation_model"]],
  ["Running", ["concurrency", "max_cost_usd", "enable_versioning", "output_dir", "run_benchmarks", "benchmark_suite"]],
];
const ours = ["project_id"]; // set by the page
const later = /\byet\b/; // in the help of fields that the server knows, but that have no effect so far
const longTexts = ["custom_prompt"];

export async function generateForm(project, signal) {
  const all = await spec();
  const op = await operation("post", "/datasets/generate");
  if (!op) throw new Failure(404, { detail: "This server cannot make datasets." });
  const resolve = (x) => (x?.$ref ? x.$ref.slice(2).split("/").reduce((o, name) => o?.[name], all) : x) ?? {};
  const schema = resolve(op.requestBody.content["application/json"].schema);
  const models = await modelNames(signal);

  const fields = new Map(); // name → {control, read}
  const left = new Set(Object.keys(schema.properties).filter((name) => !ours.includes(name)));
  const take = (names) => names.filter((name) => left.delete(name)).map((name) => {
    const one = setting(name, plain(schema.properties[name], resolve), models);
    fields.set(name, one);
    return one.el;
  });
  const idle = [...left].filter((name) => later.test(schema.properties[name].description ?? ""));
  const works = (names) => names.filter((name) => !idle.includes(name));
  const main = take(works(first));
  const more = groups.map(([title, names]) => [title, take(works(names))]);
  more.push(["More", take(works([...left]))]);
  const without = take(idle);

  const fault = h("div");
  const send = h("button", null, "Make the dataset");
  const rest = h("details", null, h("summary", null, "All settings"), more.filter(([, els]) => els.length).map(([title, els]) =>
    h("fieldset", null, h("legend", null, title), h("div", { class: "grid" }, els))),
    without.length > 0 && h("details", null, h("summary", null, "Without effect so far"), h("div", { class: "grid" }, without)));
  return h("form", { "aria-label": "New dataset", novalidate: true, onsubmit: async (e) => {
    e.preventDefault();
    show(fault);
    const body = { project_id: project.id };
    const wrong = new Map();
    for (const [name, one] of fields) {
      blame(one.control);
      try {
        const value = one.read();
        if (value !== undefined) body[name] = value;
      } catch (err) {
        wrong.set(name, err.message);
      }
    }
    if (wrong.size) return complain(wrong);
    send.disabled = true;
    try {
      const job = await post("/datasets/generate", body);
      say("The job has begun.");
      location.hash = `#/jobs/${part(job.job_id)}`;
    } catch (err) {
      for (const x of err.errors ?? []) {
        const name = (x.pointer ?? "").split("/")[1];
        if (fields.has(name)) wrong.set(name, x.reason);
      }
      if (wrong.size) complain(wrong);
      const others = (err.errors ?? []).filter((x) => !wrong.has((x.pointer ?? "").split("/")[1]));
      if (!wrong.size || others.length) show(fault, failure({ message: err.message, errors: others }));
    } finally {
      send.disabled = false;
    }
  } },
  h("div", { class: "grid" }, main), rest, fault, h("p", null, send));

  function complain(wrong) {
    let to;
    for (const [name, { control }] of fields) {
      if (!wrong.has(name)) continue;
      blame(control, wrong.get(name));
      to ??= control;
    }
    for (let el = to.closest("details"); el; el = el.parentElement.closest("details")) el.open = true;
    to.focus();
  }
}

// modelNames asks for models if the server lists them.
async function modelNames(signal) {
  if (!(await operation("get", "/models"))) return [];
  const list = await get("/models", signal);
  return (list.models ?? []).map((m) => m.name ?? m.id ?? m).filter((name) => typeof name === "string");
}

// plain is a schema without its references, and with null left out of what it may be.
function plain(schema, resolve) {
  const some = (schema.anyOf ?? []).filter((x) => x.type !== "null");
  const base = { ...resolve(schema.$ref ? schema : some[0]), ...schema };
  const types = [base.type].flat().filter((t) => t && t !== "null");
  return { ...base, type: types.length > 1 ? "string" : types[0], enum: base.enum?.filter((v) => v !== null) };
}

// setting is a field of the form. read returns undefined for what is left as the server has it.
function setting(name, schema, models) {
  const initial = schema.default;
  const text = initial == null ? "" : typeof initial === "object" ? JSON.stringify(initial) : String(initial);
  const help = [schema.description, limits(schema), text && schema.type !== "boolean" && `Default: ${text}.`].filter(Boolean).join(" ");
  let control;
  let read = () => (control.value === text ? undefined : control.value);
  let extra;
  if (schema.type === "boolean") {
    control = h("input", { type: "checkbox", name, checked: initial === true });
    read = () => (control.checked === (initial === true) ? undefined : control.checked);
  } else if (schema.enum?.length) {
    control = h("select", { name }, initial == null && h("option", { value: "" }, "–"),
      schema.enum.map((v) => h("option", { value: v, selected: v === initial }, v)));
  } else if (schema.type === "integer" || schema.type === "number") {
    control = h("input", { type: "number", name, value: text, min: schema.minimum, max: schema.maximum, step: schema.type === "integer" ? 1 : "any" });
    read = () => {
      if (control.value === text && control.validity.valid) return undefined;
      if (!control.validity.valid) throw new Error(control.validationMessage);
      return control.value === "" ? undefined : Number(control.value);
    };
  } else if (schema.type === "array" && plainItems(schema)) {
    control = h("input", { name, autocomplete: "off", value: Array.isArray(initial) ? initial.join(", ") : "" });
    const before = control.value;
    const number = ["number", "integer"].includes(schema.items?.type);
    read = () => {
      if (control.value === before) return undefined;
      const items = control.value.split(",").map((s) => s.trim()).filter(Boolean);
      if (number && items.some((s) => Number.isNaN(Number(s)))) throw new Error("must be numbers with commas between them");
      return number ? items.map(Number) : items;
    };
  } else if (schema.type === "object" || schema.type === "array") {
    control = h("textarea", { name, rows: 3, spellcheck: "false" }, text);
    read = () => {
      if (control.value.trim() === text) return undefined;
      try {
        return JSON.parse(control.value);
      } catch {
        throw new Error("must be JSON");
      }
    };
  } else if (longTexts.includes(name)) {
    control = h("textarea", { name, rows: 5 }, text);
  } else {
    control = h("input", { name, value: text, autocomplete: "off", maxlength: schema.maxLength });
    if (name.endsWith("_model") && models.length) {
      const list = freshID("models");
      control.setAttribute("list", list);
      extra = h("datalist", { id: list }, models.map((value) => h("option", { value })));
    }
  }
  const el = field(sentence(name), control, help);
  if (extra) el.append(extra);
  return { el, control, read };
}

const plainItems = (schema) => ["string", "number", "integer"].includes(schema.items?.type);

function limits({ type, minimum, maximum, items }) {
  if (type === "array" && plainItems({ items })) return "Several with commas between them.";
  if (minimum != null && maximum != null) return `${minimum} to ${maximum}.`;
  if (minimum != null) return `At least ${minimum}.`;
  return maximum != null ? `At most ${maximum}.` : "";
}
