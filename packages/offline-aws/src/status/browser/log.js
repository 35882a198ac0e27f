import { h } from "./dom.js";
import { plural, time } from "./format.js";

const keepLines = 200;

const find = (id) => document.getElementById(id);
const [lines, filter, level] = [find("lines"), find("filter"), find("level")];
// Not every browser lets the keyboard reach what scrolls.
lines.tabIndex = 0;
const paints = { error: ".bad", warn: ".warn", debug: ".quiet", metric: ".quiet" };

/** The number of the newest line shown. */
let last = 0;
export const lastLine = () => last;

/** Forgets all lines: another stack counts its own from 1. */
export const clearLog = () => {
  last = 0;
  lines.replaceChildren();
};

export const showLogs = ({ logs }) => {
  if (logs.length > 0 || last === 0) change(() => append(logs));
};

const append = (logs) => {
  for (const { seq, at, functionName, requestId, level: name, text } of logs) {
    const clock = `${time(at)}.${String(Math.floor(at) % 1000).padStart(3, "0")}`;
    const paint = paints[name] ?? "";
    const line = h(
      "div.line",
      { "data-level": name, title: `Request ${requestId}` },
      h("span.quiet", clock),
      h("span.quiet", functionName),
      h(`span${paint}`, name),
      h(`span${paint}`, text),
    );
    lines.append(line);
    last = seq;
  }
  while (lines.childElementCount > keepLines) lines.firstChild.remove();
};

const levelShows = {
  all: () => true,
  plain: (name) => name !== "metric",
  problems: (name) => name === "warn" || name === "error",
};

/** Changes the lines, then filters them. A reader at the end stays at the end. */
const change = (edit) => {
  const follow = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 30;
  edit();
  let shown = 0;
  for (const line of lines.children) {
    const text = line.textContent.toLowerCase();
    line.hidden = !levelShows[level.value](line.dataset.level) || !text.includes(filter.value.toLowerCase());
    shown += Number(!line.hidden);
  }
  find("log-count").textContent = `${shown} of the last ${plural(lines.childElementCount, "line")}`;
  if (follow) lines.scrollTop = lines.scrollHeight;
};
filter.addEventListener("input", () => change(() => undefined));
level.addEventListener("change", () => change(() => undefined));
