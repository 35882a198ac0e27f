import { empty, fold, h, show } from "./dom.js";
import { quantity } from "./format.js";

const shortNames = { Sum: "sum", Average: "avg" };

/** The program's own metrics come first and open; AWS's are many. */
export const showMetrics = ({ metrics }) => {
  const namespaces = new Map();
  for (const metric of metrics)
    namespaces.set(metric.namespace, [...(namespaces.get(metric.namespace) ?? []), metric]);
  const ordered = [...namespaces].sort(([a], [b]) => a.startsWith("AWS/") - b.startsWith("AWS/"));
  const folds = ordered.map(([namespace, members]) =>
    fold(
      {
        key: namespace,
        open: !namespace.startsWith("AWS/"),
        summary: h("span", { class: "name" }, namespace),
        end: members.length,
      },
      members.map(metricOf),
    ),
  );
  show("metrics", undefined, folds.length > 0 ? folds : [empty("Nothing has been measured yet.")]);
};

const metricOf = ({ name, dimensions, unit, statistic, points, last }) => {
  const where = Object.values(dimensions).join(" · ");
  const title = Object.entries(dimensions).map(([key, value]) => `${key}=${value}`);
  return h(
    "div",
    { class: "metric", "data-key": JSON.stringify([name, dimensions]) },
    h(
      "span",
      { class: "name", title: [name, ...title].join("\n") },
      name,
      h("span", { class: "quiet" }, where && ` ${where}`),
    ),
    sparkline(points),
    h(
      "span",
      { class: "value" },
      h("span", { class: "quiet statistic" }, `${shortNames[statistic] ?? statistic} `),
      last === null ? "–" : quantity(last, unit),
    ),
  );
};

const sparkline = (points) => {
  const top = Math.max(...points.filter((point) => point !== null), 0);
  const bars = points.map((point, at) => {
    if (point === null) return "";
    const height = top > 0 ? Math.max(1, (Math.max(0, point) / top) * 16) : 1;
    return `M${at * 3 + 2} 17V${(17 - height).toFixed(1)}`;
  });
  return h(
    "svg",
    { viewBox: "0 0 92 18", "aria-hidden": "true" },
    h("line", { class: "ground", x1: 0, y1: 17.5, x2: 92, y2: 17.5 }),
    h("path", { class: "bars", d: bars.join("") }),
  );
};
