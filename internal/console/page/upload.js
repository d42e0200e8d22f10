// Sending files: small ones as a form, large ones straight to where the bytes are kept.

import { Failure, get, part, post, request } from "./api.js";
import { button, failure, h, plural, say, show, size } from "./dom.js";

const LARGE = 4_000_000; // what every server takes in a form

async function send(projectID, file) {
  if (file.size <= LARGE) return form(projectID, file);
  try {
    return await direct(projectID, file);
  } catch (err) {
    if (err instanceof Failure) throw err;
    return form(projectID, file); // the browser may not send there
  }
}

async function form(projectID, file) {
  const body = new FormData();
  body.append("project_id", projectID);
  body.append("files", file, file.name);
  await request("POST", "/documents/upload", { body });
}

async function direct(projectID, file) {
  const begun = await post("/documents/uploads", { project_id: projectID, file_name: file.name, size: file.size });
  const sent = await fetch(near(begun.url), { method: begun.method, headers: begun.headers, body: file });
  if (!sent.ok) throw new Failure(sent.status, { detail: `${file.name} could not be sent (${sent.status}).` });
  await post(`/documents/uploads/${part(begun.upload_id)}/complete`);
}

// near is an address of this machine under the name by which the page was got: a page may send to its own origin only.
function near(url) {
  const to = new URL(url, location.href);
  const names = ["localhost", "127.0.0.1", "[::1]"];
  if (to.port === location.port && names.includes(to.hostname) && names.includes(location.hostname)) to.hostname = location.hostname;
  return to;
}

// uploader is the place for files. After each batch it calls done.
export function uploader(projectID, done) {
  const report = h("div", { class: "report" });
  const input = h("input", { type: "file", multiple: true, id: "files", "aria-describedby": "files-help" });
  const zone = h("div", { class: "drop" },
    h("label", { for: "files" }, "Add documents"), input,
    h("p", { class: "help", id: "files-help" }, "Choose files, or drop them here. Text, Markdown, HTML, PDF, Word (.docx), EPUB, or a ZIP of them."));
  let busy = Promise.resolve();
  const take = (files) => {
    files = [...files];
    if (files.length) busy = busy.then(() => all(files));
  };
  input.addEventListener("change", () => { take(input.files); input.value = ""; });
  for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, () => zone.classList.add("over"));
  for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (e) => take(e.dataTransfer.files));

  async function all(files) {
    const bar = h("progress", { max: files.length, value: 0, "aria-label": "Files sent" });
    const now = h("p");
    const faults = h("div");
    for (const old of [...report.children]) if (!old.querySelector(".failure")) old.remove();
    const batch = h("div", null, now, bar, faults);
    report.prepend(batch);
    const failed = [];
    for (const [i, file] of files.entries()) {
      now.textContent = `Sending ${i + 1} of ${files.length}: ${file.name} (${size(file.size)})`;
      try {
        await send(projectID, file);
      } catch (err) {
        failed.push(file);
        const why = err.errors?.[0]?.reason ?? err.message; // of one file there is one reason
        faults.append(failure({ message: why.includes(file.name) ? why : `${file.name}: ${why}` }));
        if (err.status === 401) break;
      }
      bar.value = i + 1;
    }
    const sent = files.length - failed.length;
    now.textContent = failed.length ? `${plural(sent, "file")} added, ${failed.length} not.` : `${plural(sent, "file")} added.`;
    say(now.textContent);
    bar.remove();
    if (failed.length) faults.append(h("p", null, button("Try these again", () => { batch.remove(); take(failed); }, () => faults)));
    await done().catch((err) => faults.append(failure(err)));
  }
  return h("div", null, zone, report);
}

// documentsOf is one page of a project's documents.
export const documentsOf = (projectID, page, perPage, signal) =>
  get(`/documents?project_id=${part(projectID)}&page=${page}&per_page=${perPage}`, signal);
