import { h } from "./dom.js";
import { exactTime } from "./format.js";

const keepLines = 200;

const lines = document.getElementById("lines");
// Not every browser lets the keyboard reach what scrolls.
lines.tabIndex = 0;
const filter = document.getElementById("filter");
const level = document.getElementById("level");

/** The number of the newest line shown. */
let last = 0;
export const lastLine = () => last;

/** Forgets all lines: another stack counts its own from 1. */
export const clearLog = () => {
  last = 0;
  lines.replaceChildren();
};

export const showLogs = ({ logs }) => {
  if (logs.length === 0) return;
  const follow = followingEnd();
  for (const { seq, at, functionName, requestId, level: name, text } of logs) {
    const line = h(
      "div",
      { class: "line", "data-level": name, title: `Request ${requestId}` },
      h("span", null, exactTime(at)),
      h("span", null, functionName),
      h("span", null, name),
      h("span", null, text),
    );
    line.hidden = !matches(line);
    lines.append(line);
    last = seq;
  }
  while (lines.childElementCount > keepLines) lines.firstChild.remove();
  settle(follow);
};

const levelShows = {
  all: () => true,
  plain: (name) => name !== "metric",
  problems: (name) => name === "warn" || name === "error",
};

const matches = (line) =>
  levelShows[level.value](line.dataset.level) &&
  line.textContent.toLowerCase().includes(filter.value.toLowerCase());

const followingEnd = () => lines.scrollHeight - lines.scrollTop - lines.clientHeight < 30;

const settle = (follow) => {
  const shown = lines.querySelectorAll(".line:not([hidden])").length;
  document.getElementById("log-count").textContent = `${shown} of the last ${lines.childElementCount} lines`;
  if (follow) lines.scrollTop = lines.scrollHeight;
};

const refilter = () => {
  const follow = followingEnd();
  for (const line of lines.children) line.hidden = !matches(line);
  settle(follow);
};
filter.addEventListener("input", refilter);
level.addEventListener("change", refilter);
