import type { colorsFor } from "../terminal/output.js";
import { table } from "../terminal/table.js";
import { type Assumption, assumptions } from "./assumption.js";
import { type Bill, billOf, type Circumstances } from "./bill.js";
import { type Load, referenceLoad } from "./load.js";
import type { PriceList } from "./price.js";
import { type Saving, savingsOf, timeoutFor } from "./saving.js";
import { remedy, type Usage } from "./usage.js";

/** Dollars a month in the specification of the design that this one comes from. Its parts are not given. */
const original = 55;

/** What a month costs, and how it is known. */
export interface Report {
  readonly total: number;
  readonly currency: string;
  /** Of the prices. */
  readonly date: string;
  readonly region: string;
  readonly stage: string;
  readonly load: Load;
  readonly services: Bill["services"];
  /** The original specification's estimate, for the reference load. */
  readonly original: number;
  readonly savings: readonly Saving[];
  readonly assumptions: readonly Assumption[];
  readonly notes: readonly string[];
}

export const reportOf = (
  circumstances: Circumstances & { readonly usage: Pick<Usage, "date"> },
  list: PriceList,
): Report => {
  const { load, stage } = circumstances;
  const { services, total } = billOf(circumstances);
  return {
    total,
    currency: list.currency,
    date: list.date,
    region: list.region,
    stage: stage.name,
    load,
    services,
    original,
    savings: savingsOf(circumstances),
    assumptions: Object.values(assumptions),
    notes: notesOf(circumstances, list),
  };
};

const notesOf = (
  { load, usage, stage }: Circumstances & { readonly usage: Pick<Usage, "date"> },
  { date, region, prices }: PriceList,
): string[] => {
  const { heartbeatTimeoutSeconds, maxActiveSessions } = stage.settings;
  const unsure = Object.values(prices)
    .filter(({ sure }) => sure === "from memory")
    .map(({ unit }) => `per ${unit}`);
  const atOnce = (load.sessions * load.minutes) / (24 * 60);
  const isReference = JSON.stringify(load) === JSON.stringify(referenceLoad(stage));
  return [
    ...(isReference
      ? []
      : [`The original estimate of ${original} dollars is for another load, the default one.`]),
    ...timeoutFor(load.heartbeat, stage).map(
      (setting) =>
        `With a heartbeat every ${load.heartbeat} s set ${setting} or so: after ${heartbeatTimeoutSeconds} s the reaper closes a connection.`,
    ),
    ...(atOnce > maxActiveSessions
      ? [
          `That is ${Math.round(atOnce)} sessions at once on average, and the stage's maxActiveSessions is ${maxActiveSessions}.`,
        ]
      : []),
    `List prices for ${region}, gathered on ${date} from published copies of AWS's price list. No free tier is counted, but Cognito's first 10,000 users, who are always free.`,
    ...(unsure.length > 0 ? [`From memory and not confirmed: the prices ${unsure.join(" and ")}.`] : []),
    `Messages, invocations, units and bytes are those that the flows used on the local stack on ${usage.date}; ${remedy} measures anew.`,
    "Billed durations are a bound from above: times measured here at the function's share of a CPU, and an allowance for waiting on AWS.",
    "Everybody is there from a session's first minute to its last and refreshes at the earliest moment, 90 % of connectionRefreshMinutes.",
    "Each listener has an address of its own; of many who come from one, each may write two units more.",
    "Not in it: SST's own bucket, a domain's zone, a VPC's NAT, queries of logs, and the translation pipeline.",
  ];
};

const plain = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const exact = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 6 });
const money = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

const amount = (quantity: number): string => (quantity < 1_000 ? plain : whole).format(quantity);

export const asText = (report: Report, { bold, dim, green, red }: ReturnType<typeof colorsFor>): string => {
  const { total, services, savings, load, notes } = report;
  const items = services.flatMap(({ service, items, dollars }) =>
    items.map((item, index) => [
      index === 0 ? service : "",
      item.what,
      amount(item.quantity),
      item.unit,
      exact.format(item.price),
      money.format(item.dollars),
      index === 0 ? money.format(dollars) : "",
    ]),
  );
  const sums = [
    ["", "a month in all", "", "", "", "", money.format(total)],
    ["", "the original specification's estimate", "", "", "", "", money.format(original)],
  ];
  const saved = savings.map(({ dollars }) => money.format(dollars));
  const width = Math.max("saves".length, ...saved.map(({ length }) => length));
  const compared = total < original ? green : red;
  return [
    "",
    bold(`What stage ${report.stage} costs a month on AWS, in dollars`),
    "",
    `  ${inWords(load)}`,
    "",
    table(
      ["service", "what", "amount", "unit", "price", "dollars", "sum"],
      [...items, ["", "", "", "", "", "", ""], ...sums],
      { header: dim, cells: { [money.format(total)]: compared } },
    ),
    "",
    bold("What each by itself would save"),
    "",
    table(
      ["saves".padStart(width), "with", "in"],
      savings.map(({ change, where }, index) => [(saved[index] ?? "").padStart(width), change, where]),
      { header: dim },
    ),
    "",
    ...notes.map((note) => `  ${dim(note)}`),
    "",
    ...report.assumptions.map(
      ({ what, value, unit, why }) => `  ${dim(`Assumed: ${what}, ${exact.format(value)} ${unit}: ${why}.`)}`,
    ),
    "",
  ].join("\n");
};

const inWords = ({ sessions, days, listeners, minutes, heartbeat, updates }: Load): string =>
  [
    `${some(sessions, "session")} a day on ${some(days, "day")}`,
    `${some(listeners, "listener")} each`,
    some(minutes, "minute"),
    `a heartbeat every ${exact.format(heartbeat)} s`,
    ...(updates > 0 ? [`${some(updates, "broadcast frame")} a minute`] : []),
  ].join(", ");

const some = (count: number, what: string): string =>
  `${exact.format(count)} ${what}${count === 1 ? "" : "s"}`;
