// The frame of the page: which screen is shown, the way back, and the key if the server wants one.

import { key } from "./api.js";
import { button, failure, field, h, say, show } from "./dom.js";
import { projects } from "./projects.js";
import { project } from "./project.js";
import { job } from "./job.js";
import { dataset } from "./dataset.js";
import { documentScreen } from "./document.js";

// A screen is a function of what its address names, the rest of the address, and a signal that ends with it. It returns
// {title, trail: [[label, href]], parts}; parts may go on to change.
const screens = [
  [/^\/?$/, projects],
  [/^\/projects\/([^/]+)$/, project],
  [/^\/jobs\/([^/]+)$/, job],
  [/^\/datasets\/([^/]+)$/, dataset],
  [/^\/documents\/([^/]+)$/, documentScreen],
];

const main = document.getElementById("main");
let ending = new AbortController();
let first = true;

async function open() {
  ending.abort();
  ending = new AbortController();
  const { signal } = ending;
  const [path, search] = location.hash.slice(1).split("?");
  main.setAttribute("aria-busy", "true");
  let screen;
  try {
    screen = await find(path, new URLSearchParams(search), signal);
  } catch (err) {
    if (signal.aborted) return;
    screen = { title: "This cannot be shown", trail: [], parts: [failure(err), h("p", null, button("Try again", open, () => main), " ", h("a", { href: "#/" }, "All projects"))] };
  }
  if (signal.aborted) return;
  main.removeAttribute("aria-busy");
  document.title = screen.title === "Projects" ? "Compileo" : `${screen.title} – Compileo`;
  const title = h("h1", { tabindex: "-1" }, screen.title);
  show(main, title, screen.parts);
  show(document.getElementById("trail"), screen.trail.map(([label, href]) => h("li", null, h("a", { href }, label))));
  if (!first) { // who came by a link hears where they are; on the first look the browser says it
    title.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  first = false;
}

function find(path, search, signal) {
  for (const [shape, screen] of screens) {
    const found = shape.exec(path);
    if (found) return screen(found[1] && decodeURIComponent(found[1]), search, signal);
  }
  throw new Error("There is no such page here.");
}

// wantKey asks for a key in place of the screen.
function wantKey(reason) {
  ending.abort();
  main.removeAttribute("aria-busy");
  const input = h("input", { type: "password", name: "key", required: true, autocomplete: "off", spellcheck: "false" });
  show(main,
    h("h1", { tabindex: "-1" }, "This server wants a key"),
    key.get() && h("p", { class: "failure", role: "alert" }, reason || "The key was not accepted."),
    h("form", { "aria-label": "Key", onsubmit: (e) => {
      e.preventDefault();
      key.set(input.value.trim());
      showKey();
      open();
    } },
    field("API key", input, "Whoever runs the server has it. It is kept in this tab until you close it."),
    h("p", null, h("button", null, "Go on"))));
  input.focus();
}

function showKey() {
  show(document.getElementById("key-place"), key.get() && button("Forget the key", () => {
    key.set("");
    showKey();
    say("The key is forgotten.");
    open();
  }, () => main, { class: "plain" }));
}

document.getElementById("skip").addEventListener("click", (e) => {
  e.preventDefault(); // the address belongs to the screens
  main.focus();
});
document.addEventListener("key-wanted", (e) => wantKey(e.detail));
// A file dropped beside the place for it must not replace the page.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (e) => e.preventDefault());
addEventListener("hashchange", open);
showKey();
open();
