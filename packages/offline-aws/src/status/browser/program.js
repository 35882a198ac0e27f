import { empty, fold, h, show, update } from "./dom.js";
import { duration, number, plural } from "./format.js";

/** The page's head: where the stack is, and its numbers. */
export const showFacts = (state) => {
  document.title = `${state.app} · ${state.stage} · offline`;
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

/** The program's outputs, and its resources in one line. */
export const showProgram = ({ outputs, resources }) => {
  const entries = Object.entries(outputs);
  const list = entries.flatMap(([name, value]) => [h("dt", null, name), h("dd", { class: "mono" }, value)]);
  const total = resources.reduce((sum, { names }) => sum + names.length, 0);
  const title = h("span", { class: "name" }, plural(total, "resource"));
  show("program", undefined, [
    entries.length > 0 ? h("dl", null, list) : empty("The program has no outputs."),
    fold({ key: "resources", summary: title }, resources.map(resourceOf)),
  ]);
};

const resourceOf = ({ type, names }) =>
  fold(
    { key: type, summary: h("span", { class: "name", title: type }, shortType(type)), end: names.length },
    h(
      "ul",
      { class: "mono" },
      names.map((name) => h("li", null, name)),
    ),
  );

/** `aws:lambda/function:Function` as `lambda Function`. */
const shortType = (type) => {
  const [, module = "", name = type] = type.split(":");
  return `${module.split("/")[0]} ${name}`;
};
