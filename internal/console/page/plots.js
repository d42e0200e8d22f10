// Plots as drawings with a text that says the same, and tables beside them for the numbers.

import { count, h, s } from "./dom.js";

// numbers is a small table.
export function numbers(first, second, rows) {
  return h("table", { class: "small" },
    h("thead", null, h("tr", null, h("th", { scope: "col" }, first), h("th", { scope: "col" }, second))),
    h("tbody", null, rows.map(([name, n]) => h("tr", null, h("th", { scope: "row" }, name), h("td", { class: "number" }, count(n))))));
}

// room is how wide a drawing is at first, in pixels, so that its text is as large as other text.
const room = (most) => Math.max(240, Math.min(most, innerWidth - 32));

function drawing(width, height, text, ...children) {
  return s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": text, class: "plot" }, children);
}

// bar is one bar of [class, label, number] parts.
export function bar(parts, text) {
  const total = parts.reduce((n, [, , v]) => n + v, 0) || 1;
  const whole = room(960);
  let x = 0;
  return drawing(whole, 24, text, parts.filter(([, , v]) => v > 0).map(([kind, label, v]) => {
    const width = (v / total) * whole;
    const rect = s("rect", { class: kind, x, y: 0, width, height: 24 }, s("title", null, `${count(v)} ${label}`));
    x += width;
    return rect;
  }));
}

const level = (from) => (from >= 0.8 ? "high" : from >= 0.6 ? "medium" : "low");

// histogram draws how many entries have a quality in each of some equal steps from 0 to 1.
export function histogram(steps, text) {
  const width = room(440), height = 180, foot = 24, top = 16;
  const most = Math.max(...steps, 1);
  const wide = width / steps.length;
  const bars = steps.map((n, i) => {
    const tall = (n / most) * (height - foot - top);
    const from = i / steps.length;
    return n > 0 && s("rect", { class: level(from + 1e-9), x: i * wide + 1, y: height - foot - tall, width: wide - 2, height: tall },
      s("title", null, `${from.toFixed(2)} to ${((i + 1) / steps.length).toFixed(2)}: ${count(n)}`));
  });
  const marks = [0, 0.2, 0.4, 0.6, 0.8, 1].map((v) => s("text", { x: v * width, y: height - 6, "text-anchor": v === 0 ? "start" : v === 1 ? "end" : "middle" }, String(v)));
  const peak = steps.indexOf(most);
  return drawing(width, height, text,
    s("line", { x1: 0, x2: width, y1: height - foot, y2: height - foot, class: "axis" }), bars, marks,
    peak >= 0 && s("text", { x: (peak + 0.5) * wide, y: 11, "text-anchor": peak < 2 ? "start" : peak > steps.length - 3 ? "end" : "middle" }, count(most)));
}

// bars draws [label, number] rows one below the other.
export function bars(rows, text) {
  const width = room(440), row = 26, names = width * 0.36;
  const letters = Math.floor(names / 8);
  const most = Math.max(...rows.map(([, n]) => n), 1);
  return drawing(width, rows.length * row, text, rows.map(([label, n], i) => {
    const long = (n / most) * (width - names - 60);
    const y = i * row;
    return s("g", null, s("title", null, `${label}: ${count(n)}`),
      s("text", { x: names - 8, y: y + 17, "text-anchor": "end" }, label.length > letters ? `${label.slice(0, letters - 1)}…` : label),
      s("rect", { class: "plain", x: names, y: y + 4, width: Math.max(long, 1), height: row - 8 }),
      s("text", { x: names + long + 6, y: y + 17 }, count(n)));
  }));
}
