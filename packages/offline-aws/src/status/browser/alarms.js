import { empty, fold, h, show } from "./dom.js";
import { linked, number, plural, time } from "./format.js";

/** Alarms that went off come first and open; the others are one line for each state. */
export const showAlarms = ({ alarms }) => {
  const inState = (state) =>
    alarms.filter((alarm) => alarm.state === state).sort((a, b) => (a.name < b.name ? -1 : 1));
  const [ok, unknown] = [inState("OK"), inState("INSUFFICIENT_DATA")];
  const folded = (key, title, members) =>
    members.length > 0
      ? [fold({ key, summary: h("span", { class: "name" }, title) }, members.map(alarmOf))]
      : [];
  show("alarms", undefined, [
    ...inState("ALARM").map(alarmOf),
    ...folded("ok", `${plural(ok.length, "alarm")} OK`, ok),
    ...folded("unknown", `${plural(unknown.length, "alarm")} without data yet`, unknown),
    ...(alarms.length === 0 ? [empty("The program declares no alarms.")] : []),
  ]);
};

const alarmOf = ({ name, state, value, rule, description, watches, changedAt, reason }) =>
  fold(
    {
      // The state is part of the key, so that an alarm that goes off opens.
      key: `${name}/${state}`,
      open: state === "ALARM",
      paint: state === "ALARM" ? "alarming" : null,
      summary: [
        state === "ALARM" ? h("span", { class: "state" }, "ALARM") : null,
        h("span", { class: "name", title: name }, name),
      ],
      end: `${value === null ? "–" : number(value)}${rule && ` · alarm ${rule.split(";")[0]}`}`,
    },
    description ? h("p", null, linked(description)) : null,
    h("p", { class: "quiet" }, `${watches} ${rule}`),
    h("p", { class: "quiet" }, `Since ${time(changedAt)}: ${reason}`),
  );

const parse = (message) => {
  try {
    return JSON.parse(message);
  } catch {
    return undefined;
  }
};

/** A new alarm's first OK is a message too; those are one line. */
export const showNotifications = ({ notifications }) => {
  const isFirst = ({ message }) => parse(message)?.OldStateValue === "INSUFFICIENT_DATA";
  const isQuiet = (each) => isFirst(each) && parse(each.message)?.NewStateValue === "OK";
  const quiet = notifications.filter(isQuiet);
  const title = `${plural(quiet.length, "alarm")} reported OK for the first time`;
  show("notifications", undefined, [
    ...notifications.filter((each) => !isQuiet(each)).map(notificationOf),
    ...(quiet.length > 0
      ? [fold({ key: "first", summary: h("span", { class: "name" }, title) }, quiet.map(notificationOf))]
      : []),
    ...(notifications.length === 0 ? [empty("No topic has been sent anything.")] : []),
  ]);
};

const notificationOf = ({ id, at, topic, subject, message, recipients }) => {
  const content = parse(message);
  return fold(
    {
      key: id,
      summary: [
        h("span", { class: "quiet" }, time(at)),
        h("span", { class: "name", title: subject }, subject),
      ],
    },
    h("p", { class: "quiet" }, `${topic} → ${recipients.join(", ") || "nobody has subscribed"}`),
    h("pre", null, content === undefined ? message : JSON.stringify(content, null, 2)),
  );
};
