// Making elements, and saying numbers and times. All text becomes text nodes: nothing here takes markup.

const SVG = "http://www.w3.org/2000/svg";

// h makes an element. Of props, functions named on… listen; true and false set and leave out an attribute; the rest
// are attributes. Children are nodes, text, lists of them, or null and false, which are left out.
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

// s is h for drawings.
export function s(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(el, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (typeof value === "function") el.addEventListener(name.slice(2), value);
    else if (value === true) el.setAttribute(name, "");
    else if (value !== false && value != null) el.setAttribute(name, value);
  }
  el.append(...children.flat(Infinity).filter((c) => c != null && c !== false));
  return el;
}

// show puts children in place of what an element holds.
export function show(el, ...children) {
  el.replaceChildren(...children.flat(Infinity).filter((c) => c != null && c !== false));
}

let uses = 0;
export const freshID = (name) => `${name}-${++uses}`;

// say tells a screen reader, and whoever looks at the foot of the page.
let quiet;
export function say(text) {
  const status = document.getElementById("status");
  status.textContent = text;
  clearTimeout(quiet);
  quiet = setTimeout(() => { status.textContent = ""; }, 8000);
}

// failure is a message about something that went wrong, said at once.
export function failure(err) {
  const more = (err.errors ?? []).map((e) => h("li", null, `${e.pointer ?? ""} ${e.reason ?? e.detail ?? ""}`.trim()));
  return h("div", { class: "failure", role: "alert" }, h("p", null, err.message), more.length ? h("ul", null, more) : null);
}

// button runs an action and cannot be pressed again until it ended. What fails is told in the element place() gives.
export function button(label, action, place, props) {
  const b = h("button", { type: "button", ...props, onclick: async () => {
    b.disabled = true;
    try {
      await action();
    } catch (err) {
      if (err.name !== "AbortError") show(place(), failure(err));
    } finally {
      b.disabled = false;
    }
  } }, label);
  return b;
}

export const count = (n) => Number(n ?? 0).toLocaleString("en");
export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many ?? one + "s"}`;
export const score = (x) => (typeof x === "number" ? x.toFixed(2) : "–");
// words makes a name of the API one for people: with_entries is "with entries".
export const words = (name) => String(name).replaceAll("_", " ");
export const sentence = (name) => words(name).replace(/^./, (c) => c.toUpperCase());

export function size(bytes) {
  if (typeof bytes !== "number") return "";
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB"];
  let i = -1;
  do { bytes /= 1000; i++; } while (bytes >= 999.5 && i < 2);
  return `${bytes.toFixed(bytes < 10 ? 1 : 0)} ${units[i]}`;
}

export function time(when) {
  const d = new Date(when);
  if (!when || Number.isNaN(d.getTime())) return "";
  return h("time", { datetime: d.toISOString() }, d.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }));
}

// left is how long it is until then, roughly.
export function left(when) {
  const seconds = (new Date(when) - Date.now()) / 1000;
  if (!when || Number.isNaN(seconds)) return "";
  if (seconds < 60) return "less than a minute left";
  if (seconds < 5400) return `about ${plural(Math.round(seconds / 60), "minute")} left`;
  return `about ${plural(Math.round(seconds / 3600), "hour")} left`;
}

// field is a labelled control with its help below it.
export function field(label, control, help) {
  const id = freshID("field");
  control.id = id;
  const parts = [h("label", { for: id }, label), control];
  if (help) {
    parts.push(h("p", { class: "help", id: `${id}-help` }, help));
    control.setAttribute("aria-describedby", `${id}-help`);
  }
  return h("div", { class: control.type === "checkbox" ? "field check" : "field" }, parts);
}

// blame marks a control as wrong and says why; without a reason it takes that back.
export function blame(control, reason) {
  const id = `${control.id}-fault`;
  const around = control.parentElement;
  around.querySelector(`#${id}`)?.remove();
  const help = around.querySelector(`#${control.id}-help`)?.id;
  if (reason) {
    control.setAttribute("aria-invalid", "true");
    around.append(h("p", { class: "fault", id }, reason));
  } else {
    control.removeAttribute("aria-invalid");
  }
  const described = [help, reason && id].filter(Boolean).join(" ");
  if (described) control.setAttribute("aria-describedby", described);
  else control.removeAttribute("aria-describedby");
}

export function select(options, chosen, props) {
  return h("select", props, options.map(([value, label]) => h("option", { value, selected: value === chosen }, label)));
}
