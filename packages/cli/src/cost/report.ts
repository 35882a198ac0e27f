import { table } from "../terminal/table.js";
import assumptions from "./assumptions.json" with { type: "json" };
import { billOf } from "./bill.js";
import { type Load, referenceLoad } from "./load.js";
import type { Circumstances } from "./month.js";
import { priceList } from "./price.js";
import { savingsOf, timeoutFor } from "./saving.js";
import type { Usage } from "./usage.js";

/** Dollars a month in the original specification, for the reference load. It does not list the parts. */
const original = 55;

/** The bill and how it is known: the object that `--json` prints. */
export type Report = ReturnType<typeof reportOf>;

export const reportOf = (circumstances: Circumstances & { readonly usage: Pick<Usage, "date"> }) => {
  const { load, stage } = circumstances;
  const { services, total } = billOf(circumstances);
  const { currency, date, region } = priceList;
  return {
    total,
    currency,
    date,
    region,
    stage: stage.name,
    load,
    services,
    original,
    savings: savingsOf(circumstances),
    assumptions: Object.values(assumptions),
    notes: notesOf(circumstances),
  };
};

const notesOf = ({
  load,
  usage,
  stage,
}: Circumstances & { readonly usage: Pick<Usage, "date"> }): string[] => {
  const { heartbeatTimeoutSeconds, maxActiveSessions } = stage.settings;
  const unsure = Object.values(priceList.prices)
    .filter(({ sure }) => sure === "from memory")
    .map(({ unit }) => `per ${unit}`);
  const atOnce = (load.sessions * load.minutes) / (24 * 60);
  const isReference = JSON.stringify(load) === JSON.stringify(referenceLoad(stage));
  return [
    ...(isReference ? [] : [`The original estimate of ${original} dollars is for the default load.`]),
    ...timeoutFor(load.heartbeat, stage).map(
      (setting) =>
        `A heartbeat every ${load.heartbeat} s needs about ${setting}: the reaper closes a connection after ${heartbeatTimeoutSeconds} s.`,
    ),
    ...(atOnce > maxActiveSessions
      ? [
          `This load is ${Math.round(atOnce)} sessions at once on average; the stage's maxActiveSessions is ${maxActiveSessions}.`,
        ]
      : []),
    `List prices for ${priceList.region}, gathered on ${priceList.date} from published copies of AWS's price list. Free tiers do not count, except Cognito's: its first 10,000 users are always free.`,
    ...(unsure.length > 0 ? [`From memory, not confirmed: the prices ${unsure.join(" and ")}.`] : []),
    `Messages, invocations, units and bytes are those of the local stack on ${usage.date}. To measure again: npm run bench -- usage --write.`,
    "Billed durations are an upper bound: times measured here, at the function's share of a CPU, and an allowance for waits on AWS.",
    "Everybody stays from a session's first minute to its last, and refreshes at the first moment: 90 % of connectionRefreshMinutes.",
    "Each listener has its own address. Listeners who share one may each write two more units.",
    "Not included: SST's own bucket, a domain's zone, a VPC's NAT, log queries, and the translation pipeline.",
  ];
};

const formatted = (options: Intl.NumberFormatOptions) => new Intl.NumberFormat("en-US", options).format;
const plain = formatted({ maximumSignificantDigits: 3 });
const whole = formatted({ maximumFractionDigits: 0 });
const exact = formatted({ maximumSignificantDigits: 6 });
const money = formatted({ minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const asText = (
  report: Report,
  { bold, dim, green, red }: Readonly<Record<"bold" | "dim" | "green" | "red", (text: string) => string>>,
): string => {
  const { total, services, savings, load, notes } = report;
  const items = services.flatMap(({ service, items, dollars }) =>
    items.map(({ what, quantity, unit, price, dollars: part }, index) => [
      index === 0 ? service : "",
      what,
      (quantity < 1_000 ? plain : whole)(quantity),
      unit,
      exact(price),
      money(part),
      index === 0 ? money(dollars) : "",
    ]),
  );
  const sums = [
    ["", "total a month", "", "", "", "", money(total)],
    ["", "the original specification's estimate", "", "", "", "", money(original)],
  ];
  const width = Math.max("saves".length, ...savings.map(({ dollars }) => money(dollars).length));
  return [
    "",
    bold(`The cost of stage ${report.stage} on AWS, in dollars a month`),
    "",
    `  ${inWords(load)}`,
    "",
    table(
      ["service", "what", "amount", "unit", "price", "dollars", "sum"],
      [...items, ["", "", "", "", "", "", ""], ...sums],
      { header: dim, cells: { [money(total)]: total < original ? green : red } },
    ),
    "",
    bold("What each change alone would save"),
    "",
    table(
      ["saves".padStart(width), "with", "in"],
      savings.map(({ change, where, dollars }) => [money(dollars).padStart(width), change, where]),
      { header: dim },
    ),
    "",
    ...notes.map((note) => `  ${dim(note)}`),
    "",
    ...report.assumptions.map(
      ({ what, value, unit, why }) => `  ${dim(`Assumed: ${what}, ${exact(value)} ${unit}: ${why}.`)}`,
    ),
    "",
  ].join("\n");
};

const inWords = ({ sessions, days, listeners, minutes, heartbeat, updates }: Load): string =>
  [
    `${some(sessions, "session")} a day on ${some(days, "day")}`,
    `${some(listeners, "listener")} each`,
    some(minutes, "minute"),
    `a heartbeat every ${exact(heartbeat)} s`,
    ...(updates > 0 ? [`${some(updates, "broadcast frame")} a minute`] : []),
  ].join(", ");

const some = (count: number, what: string): string => `${exact(count)} ${what}${count === 1 ? "" : "s"}`;
