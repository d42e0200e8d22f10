// One dataset: what is in it at a glance, the file, and its entries.

import { download, get, part, trail } from "./api.js";
import { button, count, h, plural, say, score, sentence, show, time } from "./dom.js";
import { entriesView } from "./entries.js";
import { bars, histogram, numbers } from "./plots.js";

const MOST = 12; // categories drawn

export async function dataset(id, search, signal) {
  const d = await get(`/datasets/${part(id)}`, signal);
  const fault = h("div");
  const overview = h("div", { class: "plots" });
  const draw = (summary, total) => show(overview, qualityPlot(summary, total), categoryPlot(summary));
  draw(d.quality_summary, d.total_entries);
  const save = button("Download", async () => {
    await download(`/datasets/${part(d.id)}/download`);
    say("The download has begun.");
  }, () => fault);
  return {
    title: d.name,
    trail: await trail(d.project_id, signal),
    parts: [
      h("p", { class: "facts" }, [plural(d.total_entries, "entry", "entries"), d.version && `version ${d.version}`, d.format_type].filter(Boolean).join(", "), ", made ", time(d.created_at)),
      h("p", { class: "actions" }, save), fault,
      overview,
      await entriesView(d, search, signal, async () => {
        const now = await get(`/datasets/${part(d.id)}`, signal);
        draw(now.quality_summary, now.total_entries);
      }),
    ],
  };
}

function qualityPlot(q, total) {
  const levels = ["high", "medium", "low"].map((level) => [level, q.distribution[level] ?? 0]);
  const spread = levels.map(([level, n]) => `${count(n)} ${level}`).join(", ");
  const text = `Quality of ${plural(total, "entry", "entries")}: average ${score(q.average_score)}; ${spread}.`;
  const steps = q.histogram;
  return h("section", null, h("h2", null, "Quality"), h("p", null, text),
    histogram(steps, text),
    h("details", null, h("summary", null, "The numbers"),
      numbers("Level", "Entries", levels.map(([name, n]) => [sentence(name), n])),
      numbers("Quality", "Entries", steps.map((n, i) => [`${(i / steps.length).toFixed(2)} to ${((i + 1) / steps.length).toFixed(2)}`, n]))));
}

function categoryPlot(q) {
  const rows = Object.entries(q.categories).sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  if (!rows.length) return null;
  const drawn = rows.slice(0, MOST);
  const others = rows.slice(MOST).reduce((n, [, v]) => n + v, 0);
  if (others) drawn.push([`${rows.length - MOST} others`, others]);
  const text = `${plural(rows.length, "category", "categories")}: ${drawn.slice(0, 5).map(([name, n]) => `${name} ${count(n)}`).join(", ")}${rows.length > 5 ? " and more" : ""}.`;
  return h("section", null, h("h2", null, "Categories"), h("p", null, text), bars(drawn, text),
    h("details", null, h("summary", null, "The numbers"), numbers("Category", "Entries", rows)));
}
