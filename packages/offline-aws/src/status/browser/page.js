const refreshMs = 1000;
const keepLines = 200;
const svgElements = new Set(["svg", "path", "line", "title"]);

/** Builds an element. What comes from data is only ever set as text or as an attribute, never parsed as HTML. */
const h = (name, attributes, ...children) => {
  const element = svgElements.has(name)
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes ?? {})) {
    if (value === true) element.setAttribute(attribute, "");
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(attribute, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
};

/**
 * Makes a node's children like these, keeping every node that can stay: what the reader has opened, selected or
 * scrolled survives the next second. `data-key` finds a node again that has moved.
 */
const update = (parent, children) => {
  const keyed = new Map();
  for (const child of parent.childNodes)
    if (child.dataset?.key !== undefined) keyed.set(child.dataset.key, child);
  let at = parent.firstChild;
  for (const child of children) {
    const key = child.dataset?.key;
    const old = key === undefined ? at : keyed.get(key);
    const fits =
      old && old.nodeName === child.nodeName && (key !== undefined || old.dataset?.key === undefined);
    if (!fits) {
      parent.insertBefore(child, at);
      continue;
    }
    if (old === at) at = at.nextSibling;
    else parent.insertBefore(old, at);
    become(old, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
};

const become = (old, wanted) => {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !wanted.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  update(old, [...wanted.childNodes]);
};

const bodyOf = (section) => document.querySelector(`#${section} [data-body]`);

const show = (section, count, children) => {
  const heading = document.getElementById(`${section}-title`);
  update(heading, [
    heading.firstChild.cloneNode(),
    ...(count === undefined ? [] : [h("span", { class: "quiet" }, ` ${count}`)]),
  ]);
  update(bodyOf(section), children);
};

const empty = (text) => h("p", { class: "empty" }, text);

const number = (value) =>
  value.toLocaleString("en", {
    maximumFractionDigits: Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0,
  });

const unitSigns = { Milliseconds: " ms", Seconds: " s", Microseconds: " µs", Percent: " %", Bytes: " B" };
const quantity = (value, unit) => number(value) + (unitSigns[unit] ?? "");

const time = (at) => new Date(at).toLocaleTimeString("en-GB");
const exactTime = (at) => `${time(at)}.${String(Math.floor(at) % 1000).padStart(3, "0")}`;

const duration = (ms) => {
  const minutes = Math.floor(ms / 60000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

const classOf = { error: "bad", warn: "warn", info: "good", debug: "quiet", metric: "quiet" };

/** Text whose addresses can be followed; only those of the web. */
const linked = (text) =>
  text
    .split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/)
    .map((part, index) =>
      index % 2 === 1 ? h("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : part,
    );

const showFacts = (state) => {
  document.title = `${state.app} · ${state.stage} · local`;
  update(document.getElementById("title"), [
    document.createTextNode(`${state.app} `),
    h("span", { class: "quiet" }, `${state.stage} · ${state.region} · offline`),
  ]);
  const fact = (label, value) => h("div", { class: "fact" }, h("span", null, label), value);
  const total = (name) => state.functions.reduce((sum, fn) => sum + fn[name], 0);
  const alarming = state.alarms.filter((alarm) => alarm.state === "ALARM").length;
  const count = (value, paint) => h("strong", { class: value > 0 ? paint : null }, number(value));
  update(document.getElementById("facts"), [
    h(
      "div",
      null,
      state.endpoints.map(({ label, url }) => fact(label, h("code", null, url))),
    ),
    h(
      "div",
      null,
      fact("Connections", count(state.connections)),
      fact("Invocations", count(total("invocations"))),
      fact("Errors", count(total("errors"), "bad")),
      fact("In alarm", count(alarming, "bad")),
      fact("Up for", h("span", null, duration(state.now - state.startedAt))),
    ),
  ]);
};

const showFunctions = ({ functions }) => {
  const labels = ["Function", "Invocations", "Errors", "Cold", "p50 ms", "p95 ms", "Last"];
  const cell = (label, value, paint) =>
    h(
      "td",
      { "data-label": label, class: value === 0 || value === null ? "none" : paint },
      value === null ? "–" : number(value),
    );
  const rows = functions.map(({ name, invocations, errors, coldStarts, p50, p95, last }) =>
    h(
      "tr",
      { "data-key": name },
      h("td", { title: name, class: "mono" }, name),
      cell(labels[1], invocations),
      cell(labels[2], errors, "bad"),
      cell(labels[3], coldStarts),
      cell(labels[4], p50),
      cell(labels[5], p95),
      last
        ? h(
            "td",
            {
              "data-label": labels[6],
              class: `outcome ${classOf[last.level]}`,
              title: `${last.text} at ${time(last.at)}`,
            },
            last.text,
          )
        : h("td", { "data-label": labels[6], class: "outcome none" }, "never"),
    ),
  );
  const head = h(
    "thead",
    null,
    h(
      "tr",
      null,
      labels.map((label) => h("th", { scope: "col" }, label)),
    ),
  );
  const table = h("table", { class: "functions" }, head, h("tbody", null, rows));
  show(
    "functions",
    functions.length,
    functions.length > 0 ? [table] : [empty("The program declares no functions.")],
  );
};

/** The rows of opened tables, by name; a text where they cannot be had. */
const rows = new Map();

const openTables = () =>
  [...bodyOf("tables").querySelectorAll("details[open]")].map((details) => details.dataset.key);

const rowsTable = (tableRows) => {
  if (!tableRows) return empty("Reading …");
  if (typeof tableRows === "string") return empty(tableRows);
  if (tableRows.length === 0) return empty("No items.");
  const names = [...new Set(tableRows.flatMap(Object.keys))];
  return h(
    "table",
    null,
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        names.map((name) => h("th", { scope: "col" }, name)),
      ),
    ),
    h(
      "tbody",
      null,
      tableRows.map((row) =>
        h(
          "tr",
          null,
          names.map((name) =>
            row[name] === undefined
              ? h("td", { class: "none" }, "–")
              : h("td", { class: "mono", title: row[name] }, row[name]),
          ),
        ),
      ),
    ),
  );
};

const showTables = ({ tables }) =>
  show(
    "tables",
    tables.length,
    tables.length === 0
      ? [empty("The program declares no tables.")]
      : tables.map(({ name, itemCount }) =>
          h(
            "details",
            { "data-key": name },
            h(
              "summary",
              null,
              h("span", { class: "name mono" }, name),
              h(
                "span",
                { class: "end quiet" },
                itemCount === null ? "" : `${number(itemCount)} item${itemCount === 1 ? "" : "s"}`,
              ),
            ),
            h("div", { class: "inside rows" }, rowsTable(rows.get(name))),
          ),
        ),
  );

const sparkline = (points) => {
  const present = points.filter((point) => point !== null);
  const top = Math.max(...present, 0);
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

const showMetrics = ({ metrics }) => {
  const namespaces = new Map();
  for (const metric of metrics)
    namespaces.set(metric.namespace, [...(namespaces.get(metric.namespace) ?? []), metric]);
  // The program's own metrics first, and open; AWS's are many.
  const ordered = [...namespaces].sort(([a], [b]) => a.startsWith("AWS/") - b.startsWith("AWS/"));
  show(
    "metrics",
    metrics.length,
    metrics.length === 0
      ? [empty("Nothing has been measured yet.")]
      : ordered.map(([namespace, inNamespace]) =>
          h(
            "details",
            { "data-key": namespace, open: !namespace.startsWith("AWS/") },
            h(
              "summary",
              null,
              h("span", { class: "name" }, namespace),
              h("span", { class: "end quiet" }, String(inNamespace.length)),
            ),
            h("div", { class: "inside" }, inNamespace.map(metricRow)),
          ),
        ),
  );
};

const metricRow = ({ name, dimensions, unit, statistic, points, last }) => {
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
      h(
        "span",
        { class: "quiet statistic" },
        `${statistic === "Sum" ? "sum" : statistic === "Average" ? "avg" : statistic} `,
      ),
      last === null ? "–" : quantity(last, unit),
    ),
  );
};

const stateNames = { OK: "OK", ALARM: "ALARM", INSUFFICIENT_DATA: "NO DATA" };
const statePaint = { OK: "good", ALARM: "bad", INSUFFICIENT_DATA: "" };
const stateOrder = { ALARM: 0, INSUFFICIENT_DATA: 1, OK: 2 };

const showAlarms = ({ alarms }) => {
  const ordered = [...alarms].sort(
    (a, b) => stateOrder[a.state] - stateOrder[b.state] || (a.name < b.name ? -1 : 1),
  );
  show(
    "alarms",
    alarms.length,
    alarms.length === 0
      ? [empty("The program declares no alarms.")]
      : ordered.map((alarm) =>
          h(
            "details",
            // The state is part of the key, so that an alarm that goes off opens by itself.
            {
              "data-key": `${alarm.name}/${alarm.state}`,
              class: alarm.state === "ALARM" ? "alarming" : null,
              open: alarm.state === "ALARM",
            },
            h(
              "summary",
              null,
              h("span", { class: `state ${statePaint[alarm.state]}` }, stateNames[alarm.state]),
              h("span", { class: "name", title: alarm.name }, alarm.name),
              h(
                "span",
                { class: "end" },
                alarm.value === null ? "–" : number(alarm.value),
                h("span", { class: "quiet rule" }, alarm.rule && ` alarm ${alarm.rule.split(";")[0]}`),
              ),
            ),
            h(
              "div",
              { class: "inside" },
              alarm.description ? h("p", null, linked(alarm.description)) : null,
              h("p", { class: "quiet" }, `${alarm.watches} ${alarm.rule}`),
              h("p", { class: "quiet" }, `Since ${time(alarm.changedAt)}: ${alarm.reason}`),
            ),
          ),
        ),
  );
};

const pretty = (message) => {
  try {
    return JSON.stringify(JSON.parse(message), null, 2);
  } catch {
    return message;
  }
};

const showNotifications = ({ notifications }) =>
  show(
    "notifications",
    notifications.length,
    notifications.length === 0
      ? [empty("No topic has been sent anything.")]
      : notifications.map(({ id, at, topic, subject, message, recipients }) =>
          h(
            "details",
            { "data-key": id },
            h(
              "summary",
              null,
              h("span", { class: "quiet" }, time(at)),
              h("span", { class: "name", title: subject }, subject),
            ),
            h(
              "div",
              { class: "inside" },
              h(
                "p",
                { class: "quiet" },
                `${topic} → ${recipients.length > 0 ? recipients.join(", ") : "nobody has subscribed"}`,
              ),
              h("pre", null, pretty(message)),
            ),
          ),
        ),
  );

const showOutputs = ({ outputs }) => {
  const entries = Object.entries(outputs);
  const list = h(
    "dl",
    null,
    entries.flatMap(([name, value]) => [h("dt", null, name), h("dd", { class: "mono" }, value)]),
  );
  show("outputs", undefined, entries.length > 0 ? [list] : [empty("The program has no outputs.")]);
};

/** `aws:lambda/function:Function` as `lambda Function`. */
const shortType = (type) => {
  const [, module = "", name = type] = type.split(":");
  return `${module.split("/")[0]} ${name}`;
};

const showResources = ({ resources }) =>
  show(
    "resources",
    resources.reduce((sum, { names }) => sum + names.length, 0),
    resources.map(({ type, names }) =>
      h(
        "details",
        { "data-key": type },
        h(
          "summary",
          null,
          h("span", { class: "name", title: type }, shortType(type)),
          h("span", { class: "end quiet" }, String(names.length)),
        ),
        h(
          "ul",
          { class: "inside mono" },
          names.map((name) => h("li", null, name)),
        ),
      ),
    ),
  );

const lines = document.getElementById("lines");
// What scrolls must be reachable by keyboard, which not every browser sees to.
lines.tabIndex = 0;
const filter = document.getElementById("filter");
const level = document.getElementById("level");
let lastLine = 0;

const levelShows = {
  all: () => true,
  plain: (name) => name !== "metric",
  problems: (name) => name === "warn" || name === "error",
};

const matches = (line) =>
  levelShows[level.value](line.dataset.level) &&
  line.textContent.toLowerCase().includes(filter.value.toLowerCase());

const followingEnd = () => lines.scrollHeight - lines.scrollTop - lines.clientHeight < 30;

const countLines = () => {
  const shown = lines.querySelectorAll(".line:not([hidden])").length;
  document.getElementById("log-count").textContent = `${shown} of the last ${lines.childElementCount} lines`;
};

const showLogs = ({ logs }) => {
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
    lastLine = seq;
  }
  while (lines.childElementCount > keepLines) lines.firstChild.remove();
  countLines();
  if (follow) lines.scrollTop = lines.scrollHeight;
};

const refilter = () => {
  const follow = followingEnd();
  for (const line of lines.children) line.hidden = !matches(line);
  countLines();
  if (follow) lines.scrollTop = lines.scrollHeight;
};
filter.addEventListener("input", refilter);
level.addEventListener("change", refilter);

const pulse = (state, text) => {
  document.getElementById("pulse").dataset.state = state;
  document.getElementById("pulse-text").textContent = text;
};

const fetchJson = async (path) => {
  const response = await fetch(path, { signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
};

let startedAt;

const refresh = async () => {
  let state = await fetchJson(`/_local/state.json?after=${lastLine}`);
  if (startedAt !== undefined && startedAt !== state.startedAt) {
    // Another stack answers now, and counts its lines from 1.
    lastLine = 0;
    lines.replaceChildren();
    state = await fetchJson("/_local/state.json");
  }
  startedAt = state.startedAt;
  for (const name of openTables()) {
    const path = `/_local/rows.json?table=${encodeURIComponent(name)}`;
    rows.set(
      name,
      await fetchJson(path).then(
        (found) => found.rows,
        (error) => error.message,
      ),
    );
  }
  for (const part of [
    showFacts,
    showFunctions,
    showTables,
    showMetrics,
    showAlarms,
    showNotifications,
    showOutputs,
    showResources,
    showLogs,
  ]) {
    part(state);
  }
  pulse("live", time(state.now));
};

let timer;
let running = false;

const run = async () => {
  if (running) return;
  running = true;
  clearTimeout(timer);
  try {
    await refresh();
  } catch (error) {
    pulse("lost", error instanceof TypeError ? "the stack does not answer" : error.message);
  }
  running = false;
  if (document.hidden) pulse("paused", "paused");
  else timer = setTimeout(run, refreshMs);
};

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) run();
});
bodyOf("tables").addEventListener("toggle", () => run(), true);
run();
