import { fold, h, show, table, update } from "./dom.js";
import { duration, number, plural, time } from "./format.js";

/** The page's head: where the stack is, and its numbers. */
export const showFacts = ({
  app,
  stage,
  region,
  endpoints,
  connections,
  functions,
  alarms,
  now,
  startedAt,
}) => {
  document.title = `${app} · ${stage} · offline`;
  const put = (id, children) => update(document.getElementById(id), children);
  const fact = (label, value) => h("div.fact", h("span.quiet", label), value);
  const count = (label, value, paint) =>
    fact(label, h(value > 0 ? `strong${paint}` : "strong", number(value)));
  const total = (name) => functions.reduce((sum, fn) => sum + fn[name], 0);
  const title = h("h1", `${app} `, h("span.quiet", `${stage} · ${region} · offline`));
  put("title", [...title.childNodes]);
  put(
    "endpoints",
    endpoints.map(({ label, url }) => fact(label, h("code", url))),
  );
  put("facts", [
    count("Connections", connections, ""),
    count("Invocations", total("invocations"), ""),
    count("Errors", total("errors"), ".bad"),
    count("In alarm", alarms.filter(({ state }) => state === "ALARM").length, ".bad"),
    fact("Up for", h("span", duration(now - startedAt))),
  ]);
};

const labels = ["Function", "Invocations", "Errors", "Cold", "p50 ms", "p95 ms", "Last"];
const paints = { error: ".bad", warn: ".warn", info: ".good", debug: ".quiet", metric: ".quiet" };

export const showFunctions = ({ functions }) => {
  const rows = functions.map(({ name, invocations, errors, coldStarts, p50, p95, last }) =>
    h(
      "tr",
      { "data-key": name },
      h("td.mono", { title: name }, name),
      [invocations, errors, coldStarts, p50, p95].map((value, column) =>
        h(value ? (column === 1 ? "td.bad" : "td") : "td.quiet", number(value)),
      ),
      last
        ? h(`td${paints[last.level]}`, { title: `${last.text} at ${time(last.at)}` }, last.text)
        : h("td.quiet", "never"),
    ),
  );
  const shown = rows.length > 0 ? [table(labels, rows, { class: "scroll numbers" })] : [];
  show("functions", shown, "The program declares no functions.");
};

/** The program's own metrics come first and open; AWS's are many. */
export const showMetrics = ({ metrics }) => {
  const isAws = (namespace) => namespace.startsWith("AWS/");
  const namespaces = [...new Set(metrics.map(({ namespace }) => namespace))];
  const folds = namespaces
    .sort((a, b) => isAws(a) - isAws(b))
    .map((namespace) => {
      const members = metrics.filter((metric) => metric.namespace === namespace);
      return fold(
        { key: namespace, open: !isAws(namespace), title: namespace, end: members.length },
        members.map(metricOf),
      );
    });
  show("metrics", folds, "Nothing has been measured yet.");
};

const units = { Milliseconds: " ms", Seconds: " s", Microseconds: " µs", Percent: " %", Bytes: " B" };
const statistics = { Sum: "sum", Average: "avg" };

const metricOf = ({ name, dimensions, unit, statistic, points, last }) =>
  h(
    "div.metric",
    { "data-key": JSON.stringify([name, dimensions]) },
    h("span", `${name} `, h("span.quiet", Object.values(dimensions).join(" · "))),
    sparkline(points),
    h(
      "span",
      h("span.quiet", `${statistics[statistic] ?? statistic} `),
      number(last),
      last !== null && units[unit],
    ),
  );

const sparkline = (points) => {
  const top = Math.max(...points, 0) || 1;
  const bars = points.map((point, at) =>
    point === null ? "" : `M${at * 3 + 2} 18v${-Math.max(1, (point / top) * 16)}`,
  );
  return h("svg", { viewBox: "0 0 92 18", "aria-hidden": "true" }, h("path", { d: bars.join("") }));
};

/** The program's outputs, and its resources in one line. */
export const showProgram = ({ outputs, resources }) => {
  const list = Object.entries(outputs).map(([name, value]) =>
    h("div", h("dt.quiet", name), h("dd.mono", value)),
  );
  const total = resources.reduce((sum, { names }) => sum + names.length, 0);
  const types = resources.map(({ type, names }) =>
    fold(
      { key: type, title: type, end: names.length },
      names.map((name) => h("p.mono", name)),
    ),
  );
  show("program", [h("dl", list), fold({ key: "resources", title: plural(total, "resource") }, types)]);
};
