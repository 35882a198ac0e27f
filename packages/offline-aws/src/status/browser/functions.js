import { empty, h, show, table } from "./dom.js";
import { number, time } from "./format.js";

const labels = ["Function", "Invocations", "Errors", "Cold", "p50 ms", "p95 ms", "Last"];
const paintOf = { error: "bad", warn: "warn", info: "good", debug: "quiet", metric: "quiet" };

export const showFunctions = ({ functions }) => {
  const rows = functions.map(rowOf);
  show(
    "functions",
    functions.length,
    rows.length > 0 ? [table("functions", labels, rows)] : [empty("The program declares no functions.")],
  );
};

const rowOf = ({ name, invocations, errors, coldStarts, p50, p95, last }) =>
  h(
    "tr",
    { "data-key": name },
    h("td", { title: name, class: "mono" }, name),
    cell(labels[1], invocations),
    cell(labels[2], errors, "bad"),
    cell(labels[3], coldStarts),
    cell(labels[4], p50),
    cell(labels[5], p95),
    outcomeOf(last),
  );

const cell = (label, value, paint) =>
  h(
    "td",
    { "data-label": label, class: value === 0 || value === null ? "none" : paint },
    value === null ? "–" : number(value),
  );

const outcomeOf = (last) => {
  const label = { "data-label": labels[6] };
  if (!last) return h("td", { ...label, class: "outcome none" }, "never");
  const title = `${last.text} at ${time(last.at)}`;
  return h("td", { ...label, class: `outcome ${paintOf[last.level]}`, title }, last.text);
};
