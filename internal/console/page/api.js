// The HTTP API, as any client uses it.

const BASE = "/api/v1";
const KEY = "compileo-key"; // in this tab only

export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

// Failure is an answer that is a problem, or none at all.
export class Failure extends Error {
  constructor(status, problem) {
    const { title, detail, errors } = problem ?? {};
    super(detail || title || `The server answered ${status}.`);
    this.status = status;
    this.errors = errors ?? [];
  }
}

// request sends one request and returns the answer if it is a success.
export async function request(method, path, { body, headers, signal } = {}) {
  const all = { Accept: "application/json", ...headers };
  if (key.get()) all["X-API-Key"] = key.get();
  if (body !== undefined && !(body instanceof FormData)) {
    all["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path.startsWith("/") ? BASE + path : path, { method, headers: all, body, signal });
  } catch (err) {
    if (err.name === "AbortError") throw err;
    throw new Failure(0, { detail: "The server cannot be reached. Is it still running?" });
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => null);
  if (answer.status === 401) document.dispatchEvent(new CustomEvent("key-wanted", { detail: problem?.detail }));
  throw new Failure(answer.status, problem);
}

async function json(method, path, options) {
  const answer = await request(method, path, options);
  return answer.status === 204 ? null : answer.json();
}

export const get = (path, signal) => json("GET", path, { signal });
export const post = (path, body, signal) => json("POST", path, { body, signal });
export const remove = (path) => json("DELETE", path);

// query makes the end of a path of what has a value.
export function query(values) {
  const q = new URLSearchParams();
  for (const [name, v] of Object.entries(values)) if (v !== "" && v != null && v !== false) q.set(name, v);
  return q.size ? `?${q}` : "";
}

// trail is the way back from something of a project.
export async function trail(projectID, signal) {
  const { name } = await get(`/projects/${part(projectID)}`, signal);
  return [["Projects", "#/"], [name, `#/projects/${part(projectID)}`]];
}

export const part = encodeURIComponent; // one part of a path

let description;
// spec is the server's own description of the API. What it does not know is not offered.
export function spec() {
  description ??= fetch("/openapi.json").then((r) => {
    if (!r.ok) throw new Failure(r.status, { detail: "The server does not describe its API at /openapi.json." });
    return r.json();
  });
  description.catch(() => { description = undefined; }); // ask again next time
  return description;
}

// operation is what the API's description says of a method and a path; undefined if there is none.
export async function operation(method, path) {
  return (await spec()).paths?.[BASE + path]?.[method];
}

const pause = (ms, signal) => new Promise((done, fail) => {
  if (signal.aborted) fail(signal.reason);
  const timer = setTimeout(done, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); fail(signal.reason); }, { once: true });
});

export const over = (job) => ["completed", "failed", "cancelled"].includes(job.status);

// watch yields a job whenever it changed, until it is over: by server-sent events, and by asking where those fail.
// EventSource cannot send a key, so the stream is read here.
export async function* watch(id, signal) {
  const path = `/jobs/status/${part(id)}`;
  let wait = 2000;
  let streams = true;
  for (;;) {
    if (streams) {
      try {
        for await (const event of events(`${path}/stream`, signal)) {
          wait = event.retry ?? wait;
          if (!event.data?.status) continue;
          yield event.data;
          if (over(event.data)) return;
        }
      } catch (err) {
        if (signal.aborted || err.status === 401) throw err;
        streams = false;
      }
    }
    if (!streams) {
      const job = await get(path, signal);
      yield job;
      if (over(job)) return;
    }
    await pause(wait, signal);
  }
}

async function* events(path, signal) {
  const answer = await request("GET", path, { headers: { Accept: "text/event-stream" }, signal });
  if (!answer.headers.get("Content-Type")?.startsWith("text/event-stream")) throw new Failure(answer.status);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      text = (text + (value ?? "")).replaceAll("\r\n", "\n");
      const whole = text.split("\n\n");
      text = done ? "" : whole.pop();
      for (const block of whole) yield event(block);
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function event(block) {
  let data = "";
  let retry;
  for (const line of block.split("\n")) {
    if (line.startsWith("data:")) data += line.slice(5);
    if (line.startsWith("retry:")) retry = Number(line.slice(6)) || undefined;
  }
  try {
    return { data: data ? JSON.parse(data) : null, retry };
  } catch {
    return { data: null, retry };
  }
}

// download saves a dataset. Where a key is needed the link must come from the API: a browser sends no key with it.
export async function download(path) {
  let url = BASE + path;
  if (key.get()) url = (await get(path)).url;
  const a = document.createElement("a");
  a.href = url;
  a.download = "";
  document.body.append(a);
  a.click();
  a.remove();
}
