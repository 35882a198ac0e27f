import { UserError } from "offline-aws";
import { settingsOf } from "../settings.js";
import { defineCommand, jsonFlag, text } from "../terminal/command.js";
import { createProgress } from "../terminal/progress.js";
import { scoped } from "../terminal/scope.js";
import { countIn, isStageName, urlIn } from "../terminal/value.js";
import { checkDestination, parseDestination } from "./destination.js";
import { type Place, stageFunction } from "./stage-function.js";
import { nothing, type Tally, walk } from "./walk.js";

const defaultRate = 50;
/** API Gateway takes 500 new connections a second in an account, and listeners who join need their share. */
const mostRate = 400;

const call = "npm run drain --";

/** Asks every client of a stage to refresh, step by step. */
export const drain = defineCommand({
  meta: {
    name: call,
    description:
      "Ask every client of a stage to refresh: to move them to another address, or to spread them again.",
  },
  args: {
    stage: text("STAGE", "The stage, such as prod; local is the stack that npm start runs."),
    url: text("URL", "The address to move to, such as wss://live.example.com. Default: the one they use."),
    rate: text("N", `How many are asked in a second, at most ${mostRate}. Default: ${defaultRate}.`),
    before: text(
      "TIME",
      "Ask only clients connected before this time, as a drain prints it: clients that have moved are left alone.",
    ),
    region: text("REGION", "Default: the stage's region in infra/deployments.ts."),
    endpoint: text("URL", "Lambda's address. Default: AWS's; for the stage local, http://127.0.0.1:4000."),
    json: jsonFlag,
  },
  run: async ({ args }) => {
    const order = await parseOrder(args);
    await scoped(async (scope) => {
      if (order.url !== undefined) await scope.unlessInterrupted(checkDestination(order.url));
      const { step, close } = await stageFunction(order.place);
      scope.defer(close);
      console.error(intention(order));
      const begun = performance.now();
      const abort = new AbortController();
      const progress = createProgress(process.stderr);
      let tally = nothing;
      const walking = walk({
        ...order,
        step,
        signal: abort.signal,
        onStep: (so) => {
          tally = so;
          progress.say(summary(tally, performance.now() - begun));
        },
      });
      // Also after an interruption or a failure: waits for the step under way, then reports.
      scope.defer(async () => {
        abort.abort();
        await walking.catch(() => undefined);
        progress.end();
        if (tally !== nothing) report(order, tally, performance.now() - begun);
      });
      await scope.unlessInterrupted(walking);
      if (tally.failed > 0) process.exitCode = 1;
    });
  },
});

/** The parsed command line. */
interface Order {
  readonly place: Place;
  readonly url: string | undefined;
  readonly rate: number;
  readonly connectedBefore: number | undefined;
  readonly json: boolean;
  /** The same command line, to be continued with --before. */
  readonly call: string;
}

type Name = "stage" | "url" | "rate" | "before" | "region" | "endpoint";
type Given = Readonly<Record<Name, string | undefined>> & { readonly json: boolean | undefined };

const parseOrder = async (given: Given): Promise<Order> => {
  const { stage, url, rate, before, region, json = false } = given;
  if (stage === undefined || !isStageName(stage)) {
    throw new UserError("Whose clients? Name a stage: npm run drain -- --stage prod");
  }
  const endpoint = given.endpoint ?? (stage === "local" ? "http://127.0.0.1:4000" : undefined);
  const repeated = Object.entries({ stage, url, rate, region, endpoint: given.endpoint });
  const options = repeated.flatMap(([name, value]) => (value === undefined ? [] : `--${name} ${value}`));
  return {
    url: url === undefined ? undefined : parseDestination(url),
    rate: countIn("rate", rate ?? `${defaultRate}`, mostRate),
    connectedBefore: parseTime(before),
    json,
    call: [call, ...options].join(" "),
    place: {
      stage,
      // A deployment uses the region in the stage's settings, whatever AWS_REGION is.
      region: region ?? (await settingsOf(stage)).region,
      endpoint: endpoint === undefined ? undefined : urlIn(endpoint, ["http:", "https:"], takesEndpoint),
    },
  };
};

const takesEndpoint = "--endpoint takes an address such as http://127.0.0.1:4000";

const parseTime = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new UserError(`--before takes a time such as 2026-01-31T12:00:00Z, not ${text}.`);
  }
  return time;
};

const intention = ({ place, url, rate, connectedBefore }: Order): string => {
  const where = place.endpoint ? `at ${place.endpoint.origin}` : `in ${place.region}`;
  const since = connectedBefore === undefined ? "" : ` that has not moved since ${isoOf(connectedBefore)}`;
  const to = url === undefined ? "" : ` at ${url}`;
  return `Asking every client of stage ${place.stage} ${where}${since} to refresh${to}, at most ${rate} a second.`;
};

/** `320 asked, 4 gone, 12 s` */
const summary = ({ asked, gone, failed, opening }: Tally, tookMs: number): string =>
  [
    `${asked} asked`,
    `${gone} gone`,
    ...(failed > 0 ? [`${failed} not reached`] : []),
    ...(opening > 0 ? [`${opening} only just connected and passed over`] : []),
    `${Math.round(tookMs / 1_000)} s`,
  ].join(", ");

const report = (order: Order, tally: Tally, tookMs: number): void => {
  console.log(order.json ? JSON.stringify(asJson(order, tally, tookMs)) : summary(tally, tookMs));
  const done = tally.finished
    ? "To ask clients again that have not moved by then"
    : "To continue with the clients that have not moved";
  const since = tally.connectedBefore === undefined ? "" : ` --before ${isoOf(tally.connectedBefore)}`;
  console.error(`${done}: ${order.call}${since}`);
};

const asJson = ({ place, url }: Order, tally: Tally, tookMs: number) => ({
  ok: tally.finished && tally.failed === 0,
  stage: place.stage,
  url: url ?? null,
  ...tally,
  connectedBefore: tally.connectedBefore === undefined ? null : isoOf(tally.connectedBefore),
  tookMs: Math.round(tookMs),
});

const isoOf = (ms: number): string => new Date(ms).toISOString();
