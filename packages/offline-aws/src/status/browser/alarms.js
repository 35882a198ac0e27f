import { fold, h, note, show } from "./dom.js";
import { number, plural, time } from "./format.js";

/** Alarms that went off come first and open; the others are one line for each state. */
export const showAlarms = ({ alarms }) => {
  const inState = (state) =>
    alarms
      .filter((alarm) => alarm.state === state)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(alarmOf);
  const folded = (key, members, of) =>
    members.length > 0 ? [fold({ key, title: `${plural(members.length, "alarm")} ${of}` }, members)] : [];
  const [ok, unknown] = [inState("OK"), inState("INSUFFICIENT_DATA")];
  const shown = [
    ...inState("ALARM"),
    ...folded("ok", ok, "OK"),
    ...folded("unknown", unknown, "without data yet"),
  ];
  show("alarms", shown, "The program declares no alarms.");
};

const alarmOf = ({ name, state, value, rule, description, watches, changedAt, reason }) =>
  fold(
    {
      // The state is part of the key, so that an alarm that goes off opens.
      key: `${name}/${state}`,
      open: state === "ALARM",
      title: state === "ALARM" ? [h("strong.bad", "ALARM"), ` ${name}`] : name,
      end: `${number(value)}${rule && ` · alarm ${rule.split(";")[0]}`}`,
    },
    description && h("p", linked(description)),
    note(`${watches} ${rule}`),
    note(`Since ${time(changedAt)}: ${reason}`),
  );

/** Text whose web addresses can be followed. */
const linked = (text) =>
  text
    .split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/)
    .map((part, index) =>
      index % 2 === 1 ? h("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : part,
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
  const [loud, quiet] = [[], []];
  for (const each of notifications) {
    const { OldStateValue, NewStateValue } = parse(each.message) ?? {};
    const isFirst = OldStateValue === "INSUFFICIENT_DATA" && NewStateValue === "OK";
    (isFirst ? quiet : loud).push(notificationOf(each));
  }
  const title = `${plural(quiet.length, "alarm")} reported OK for the first time`;
  const first = quiet.length > 0 ? [fold({ key: "first", title }, quiet)] : [];
  show("notifications", [...loud, ...first], "No message has been published to a topic.");
};

const notificationOf = ({ id, at, topic, subject, message, recipients }) => {
  const content = parse(message);
  return fold(
    { key: id, title: [h("span.quiet", time(at)), ` ${subject}`] },
    note(`${topic} → ${recipients.join(", ") || "nobody has subscribed"}`),
    h("pre", content === undefined ? message : JSON.stringify(content, null, 2)),
  );
};
