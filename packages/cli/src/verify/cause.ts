import { setTimeout as pause } from "node:timers/promises";
import type { FrameOf } from "@lectern/protocol";
import { type Component, functions } from "../../../../infra/functions.js";
import type { Trouble } from "../visitor.js";
import { faultIn } from "./log.js";
import { type Operator, physicalName, type StreamComponent, Unseen } from "./operator.js";

/** One step of a check: the subject of its sentence, and the likely causes of its trouble. */
export interface Step {
  /** `The heartbeat` */
  readonly what: string;
  /** The functions behind it. The newest fault in their logs, in this order, is the likely cause. */
  readonly by: readonly Component[];
  /** The function behind it that a table's stream invokes. */
  readonly stream?: StreamComponent;
  /** The likely cause by the trouble's sign, used when the logs show none. */
  readonly likely?: Readonly<Record<string, string>>;
  /** The cause by the sign, where it is known without the logs. */
  readonly certain?: Readonly<Record<string, string>>;
}

/** Where causes are looked for. */
export interface Insight {
  readonly operator: Operator;
  readonly stage: string | undefined;
  /** When the run began, by the stage's clock (ms since the epoch): older log lines are not of this run. */
  readonly since: number;
  /** How long to look for a log line (ms): CloudWatch shows a line some seconds late. */
  readonly patienceMs: number;
}

const runbook = (kind: string, component: Component) =>
  `docs/runbook.md#${kind}-${functions[component].name.replace("session-", "")}`;

/** The pages that sentences point to. A test holds them to the documents. */
export const pages = {
  troubleshooting: "docs/deployment.md#troubleshooting",
  slowCreation: "docs/runbook.md#session-creation-latency",
  drift: "docs/runbook.md#count-drift",
  throttledFunctions: "docs/runbook.md#throttles-lambda",
  errors: (component: Component) => runbook("errors", component),
  stream: (component: StreamComponent) => runbook("stream-age", component),
} as const;

export const again = "deploy the stage again";

const throttled =
  "the API stage's throttle has deployed as zero, or the account's quota is used up; look at its default route settings";

/** The cause by the sign, whichever step meets it. */
const causes: Readonly<Record<string, string>> = {
  "400": "the stage is of another version than this checkout; deploy this one",
  "401": `the authorizer has identity sources, and must have none; ${again}`,
  "403": `the path of --url is not the API's stage (/prod; with a domain, nothing), or the authorizer's policy does not cover $connect; correct --url, or ${again}`,
  "429": throttled,
  INVALID_ACTION: `it went to $default, since the API has no route for it; ${again}`,
  Forbidden: `the API has no route for it, and no $default; ${again}`,
  "Too Many Requests": throttled,
  "Limit Exceeded": throttled,
  closed: "the network does not keep connections, or the function closed it; verify again",
  "let in": `the API has no route $connect, or the route no integration; ${again}`,
};

const uninvoked = `its function was not invoked, or Lambda throttles it; look at ${pages.throttledFunctions}, or ${again}`;

/** Signs that only the functions' logs explain. */
const logged = new Set([
  ...["500", "502", "503", "504", "silence"],
  ...["INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "Internal server error"],
]);

const unexpected =
  "this client did not expect it; verify with the checkout that was deployed, or correct --url";

/** One sentence: what was seen, its likely cause with what to do, and the page that helps. */
export const sentenceOf = async (trouble: Trouble, step: Step, insight: Insight): Promise<string> => {
  const seen = `${step.what} ${trouble.message}`;
  if (trouble.frame?.code === "RATE_LIMIT_EXCEEDED") return `${seen}: ${limitCause(trouble.frame)}.`;
  const { sign } = trouble;
  const certain = step.certain?.[sign];
  const likely = step.likely?.[sign] ?? (logged.has(sign) ? uninvoked : undefined);
  if (certain === undefined && likely !== undefined) {
    return `${seen}: ${await seenCause(likely, step, insight)}.`;
  }
  const general = sign === "unreachable" ? unreachable(trouble.message) : (causes[sign] ?? unexpected);
  return `${seen}: ${certain ?? general} (${pages.troubleshooting}).`;
};

/** The cause that the stage's streams and logs show; else the likely one. */
const seenCause = async (likely: string, { by, stream }: Step, insight: Insight): Promise<string> => {
  const { operator, stage } = insight;
  try {
    const broken = stream && (await operator.brokenStream(stream));
    const page = stream ? pages.stream(stream) : pages.troubleshooting;
    if (broken) return `${broken}; ${again} (${page})`;
    const found = await newestFault(by, insight);
    if (found)
      return `${physicalName(found.component, stage)} ${found.fault} (${pages.errors(found.component)})`;
    return `${likely} (${page})`;
  } catch (error) {
    if (!(error instanceof Unseen)) throw error;
    const groups = by.map((component) => `/aws/lambda/${physicalName(component, stage)}`).join(" and ");
    return `${likely}; look at the ERROR lines in ${groups}, since ${error.message} (${by.map(pages.errors).join(", ")})`;
  }
};

const lookAgainMs = 1_500;

/** Looks again until a fault is found, or no line can still be on its way. */
const newestFault = async (by: readonly Component[], { operator, since, patienceMs }: Insight) => {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    for (const component of by) {
      const lines = await operator.lines(component, since);
      const fault = lines.map(faultIn).findLast((found) => found !== undefined);
      if (fault) return { component, fault };
    }
    if (performance.now() >= deadline) return undefined;
    await pause(lookAgainMs);
  }
};

const limits: Readonly<Record<string, string>> = {
  sessions: "this user's limit of sessions per hour",
  connectionAttempts: "the limit of connection attempts from this address",
  listenerJoins: "the limit of joins from this address",
  heartbeats: "the limit of heartbeats of one connection",
};

const limitCause = ({ details, retryAfter }: FrameOf<"error">): string => {
  const limit = details?.limit ?? "requests";
  const wait = retryAfter === undefined ? "wait a minute" : `wait ${retryAfter} s`;
  const otherwise = limit === "sessions" ? ", or sign in as another user" : "";
  return `it met ${limits[limit] ?? `the limit of ${limit}`}; ${wait}${otherwise}, and verify again`;
};

const unreachable = (why: string): string => {
  if (/CERT|SELF_SIGNED/.test(why)) {
    return "the certificate is not good for this name; correct --url, or the domain's certificate";
  }
  if (/EPROTO|HPE_/.test(why)) return "something else than a WebSocket API answers there; correct --url";
  return "nobody listens there; correct --url, or wait some minutes until a new name is known";
};
