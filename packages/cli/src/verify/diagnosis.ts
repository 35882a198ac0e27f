import type { FrameOf } from "@lectern/protocol";
import { asDuration } from "../statistic.js";
import type { Evidence, Finding, FunctionKey } from "./evidence.js";
import type { Claims } from "./jwt.js";
import type { Fault } from "./log-line.js";
import { cureOf, type TableName } from "./operator.js";
import { runbook, sections, streamAge } from "./section.js";
import type { Symptom } from "./trouble.js";

const { troubleshooting } = sections;

/** The cure of what somebody has changed by hand. */
export const deployAgain = `deploy the stage again (${troubleshooting})`;

/** What a sentence is about, and which of the stage's parts stand behind it. */
export interface About {
  /** Its beginning: `The heartbeat`. */
  readonly what: string;
  readonly evidence: Evidence;
}

/** A frame of a client's, by the route that takes it. */
export interface Asked extends About {
  readonly route: string;
  readonly key: FunctionKey;
}

/** A handshake; `token` where it brings one. */
export interface Refusable extends About {
  readonly url: string;
  readonly token?: TokenFacts;
}

/** Why a frame was not answered as promised. */
export const frameSentence = async (symptom: Symptom, asked: Asked): Promise<string> => {
  switch (symptom.kind) {
    case "error":
      return errorSentence(symptom.frame, asked);
    case "gateway":
      return gatewaySentence(symptom.message, asked);
    case "silence":
      return silenceSentence(symptom.limitMs, asked);
    default:
      return troubleSentence(symptom, asked.what);
  }
};

const silenceSentence = async (limitMs: number, { what, route, key, evidence }: Asked): Promise<string> => {
  const silent = `${what} got no answer within ${asDuration(limitMs)}`;
  const name = evidence.nameOf(key);
  const finding = await evidence.faults(key);
  if (finding.kind === "unknown" && !finding.absent) {
    return `${silent}: the route ${route} has no route response, or its function was not invoked or failed; ${causeIn(finding, evidence, key)}.`;
  }
  if (finding.kind !== "none") return `${silent}: ${causeIn(finding, evidence, key)}.`;
  if (finding.silent.length === 0) {
    return `${silent}, though ${name} ran: the route ${route} has no route response, so the answer is thrown away; ${deployAgain}.`;
  }
  // Of good heartbeats only a share is logged.
  return key === "heartbeat"
    ? `${silent}, and ${name} logged no fault: the route ${route} has no route response, or no permission to invoke the function; ${deployAgain}.`
    : `${silent}: ${causeIn(finding, evidence, key)}.`;
};

const errorSentence = async (
  { code, message, retryAfter, details }: FrameOf<"error">,
  { what, route, key, evidence }: Asked,
): Promise<string> => {
  switch (code) {
    case "INVALID_ACTION":
      return `${what} was answered with INVALID_ACTION, so it went to $default: the API has no route \`${route}\`; ${deployAgain}.`;
    case "RATE_LIMIT_EXCEEDED":
      return limitSentence(what, details?.limit, retryAfter);
    case "INTERNAL_ERROR":
    case "SERVICE_UNAVAILABLE":
      return `${what} was answered with ${code}: ${await cause(evidence, key)}.`;
    default:
      return `${what} was answered with ${code} (${message}), which this client did not expect: verify with the checkout that was deployed, or deploy this one.`;
  }
};

const gatewaySentence = async (message: string, { what, route, key, evidence }: Asked): Promise<string> => {
  const said = `${what} was answered with API Gateway's own "${message}"`;
  switch (message) {
    case "Forbidden":
      return `${said}: the API has ${route === "$default" ? "no route $default" : `neither the route \`${route}\` nor $default`}; ${deployAgain}.`;
    case "Internal server error":
      return `${said}: ${await cause(evidence, key)}.`;
    default:
      return /too many requests|limit exceeded/i.test(message)
        ? `${said}: ${throttled}.`
        : `${said}, which is no frame of the protocol: correct --url, or ${deployAgain}.`;
  }
};

const throttled = `the API stage's throttle has deployed as zero, or the account's quota is used up; look at its default route settings, 5,000 and 10,000 (${troubleshooting})`;

export const limitSentence = (what: string, limit = "requests", seconds?: number): string => {
  const wait = seconds === undefined ? "wait a minute" : `wait ${seconds} s`;
  const whose =
    limit === "sessions"
      ? "this user's limit of sessions per hour"
      : `the limit of ${limitNames[limit] ?? limit}`;
  const otherwise = limit === "sessions" ? ", or sign in as another user" : "";
  return `${what} met ${whose} (429): ${wait}${otherwise}, and verify again.`;
};

const limitNames: Readonly<Record<string, string>> = {
  connectionAttempts: "connection attempts from this address",
  listenerJoins: "joins from this address",
  heartbeats: "heartbeats of one connection",
};

/** A handshake that was refused, or never answered. */
export const handshakeSentence = async (
  symptom: Symptom,
  { what, evidence, url, token }: Refusable,
): Promise<string> => {
  if (symptom.kind === "unreachable") {
    return unreachableSentence(url, symptom.why);
  }
  if (symptom.kind !== "refused") return troubleSentence(symptom, what);
  const { status, reason } = symptom;
  const said = `${what} was refused with ${status}${reason ? ` ${reason.code}` : ""}`;
  switch (status) {
    case 400:
      return `${said}${reason ? ` (${reason.message})` : ""}: the stage is of another version than this checkout; deploy this one.`;
    case 401:
      return token
        ? unauthorized(said, token, evidence)
        : `${said}, though it needs no token: the authorizer has identity sources, and must have none; ${deployAgain}.`;
    case 403:
      return `${said}: the URL's path is not the API's stage (it ends in /prod, with a domain of its own in nothing), or the authorizer's policy does not cover $connect; correct --url, or ${deployAgain}.`;
    case 429:
      return reason
        ? limitSentence(what, reason.details?.limit, reason.retryAfter)
        : `${said}: ${throttled}; or it is this address's limit of connection attempts: wait a minute.`;
    case 500:
    case 502:
    case 504:
      return `${said}: ${await cause(evidence, "authorizer", "connect")}.`;
    case 503:
      return unavailable(said, reason, evidence);
    default:
      return `${said}, which no WebSocket API of this app says: correct --url.`;
  }
};

const unreachableSentence = (url: string, why: string): string => {
  if (/CERT|SELF_SIGNED/.test(why)) {
    return `What answers at ${url} has no certificate that is good for this name (${why}): correct --url, or the certificate of the domain (${troubleshooting}).`;
  }
  if (/^EPROTO$|^HPE_/.test(why)) {
    const wanted = url.startsWith("wss:") ? "WebSocket over TLS" : "WebSocket";
    return `What answers at ${url} does not speak ${wanted} (${why}): correct --url.`;
  }
  return `Nobody answers at ${url} (${why}): correct --url; the name of a new API or domain may take some minutes to be known (${troubleshooting}).`;
};

const unavailable = async (
  said: string,
  reason: FrameOf<"error"> | undefined,
  evidence: Evidence,
): Promise<string> => {
  if (reason?.code === "SESSION_FULL") {
    return `${said}: the session has no seat for one listener; look at maxListenersPerSession in infra/deployments.ts.`;
  }
  const keys = ["connect", "authorizer"] as const;
  const [refused, finding] = await Promise.all([evidence.refusedToken(), evidence.faults(...keys)]);
  return refused === "SERVICE_UNAVAILABLE"
    ? `${said}: ${keysSentence(evidence)}.`
    : `${said}: ${causeIn(finding, evidence, ...keys)}.`;
};

/** Why no token can be checked, and what to do. Without a full stop. */
export const keysSentence = (evidence: Evidence): string =>
  `${evidence.nameOf("authorizer")} cannot fetch the user pool's keys; look at Cognito's status in the region, and in a VPC at the way to the internet (${runbook("authorizer")})`;

/** A token that was not taken, and what would be. */
export interface TokenFacts {
  readonly claims: Claims;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly pool: { readonly userPoolId: string; readonly clientId: string } | undefined;
}

const unauthorized = async (
  said: string,
  { claims, now, pool }: TokenFacts,
  evidence: Evidence,
): Promise<string> => {
  const { exp, iss, aud, client_id: client = aud } = claims;
  if (iss === undefined) {
    return `${said}: what was given for a token is none of a user pool; correct --token.`;
  }
  if (exp !== undefined && exp * 1_000 < now) {
    const minutes = Math.ceil((now - exp * 1_000) / 60_000);
    return `${said}: the token has expired, ${minutes} min ago; take a fresh one.`;
  }
  const issuer = iss.split("/").at(-1);
  if (pool && issuer !== pool.userPoolId) {
    return `${said}: the token is of the user pool ${issuer}, and the stage's is ${pool.userPoolId}; sign in there.`;
  }
  if (pool && client !== pool.clientId) {
    return `${said}: the token is of another app client than the stage's, ${pool.clientId}; sign in by that.`;
  }
  const finding = await evidence.faults("authorizer");
  if (finding.kind === "none" && finding.silent.length > 0) {
    return `${said}: ${evidence.nameOf("authorizer")} wrote no line, so nobody looks at tokens: the route $connect has no authorizer; ${deployAgain}.`;
  }
  // Who has not looked whether there is an authorizer cannot tell the two apart.
  const orNoneLooks =
    finding.kind === "unknown"
      ? `, or nobody looks at tokens, for want of an authorizer on the route $connect (${finding.why})`
      : "";
  return `${said}: the token is not signed by the stage's user pool${orNoneLooks}; a local stack takes its own checkout's, and for others see ${troubleshooting}.`;
};

/** A welcome, or another frame that a table's stream brings, has not come. */
export const missingFrame = async (
  { what, evidence }: About,
  { table, key }: { readonly table: TableName; readonly key: "welcome" | "announce" },
): Promise<string> => {
  const feed = await evidence.feed(table, key);
  if (feed.kind === "broken") {
    const cure = feed.absent ? cureOf(feed.absent, deployAgain) : deployAgain;
    return `${what}: ${feed.cause}; ${cure}.`;
  }
  const finding = await evidence.faults(key);
  const name = evidence.nameOf(key);
  if (finding.kind !== "fault" && feed.kind === "sound" && feed.problem) {
    return `${what}: Lambda says of the way from ${evidence.tableOf(table)} to ${name}: ${feed.problem} (${streamAge(key)}).`;
  }
  if (finding.kind === "none") {
    return finding.silent.length > 0
      ? `${what}: ${name} wrote no line, so the stream has not reached it yet, or its filters hold the record back (${streamAge(key)}).`
      : `${what}: ${name} ran without a fault, so its frame went astray; look at its API_GATEWAY_ENDPOINT (${streamAge(key)}).`;
  }
  const why = causeIn(finding, evidence, key);
  return finding.kind === "unknown" && feed.kind === "unknown"
    ? `${what}: look whether ${evidence.tableOf(table)} has a stream and an enabled event-source mapping to ${name} (${feed.why}), and then: ${why}.`
    : `${what}: ${why}.`;
};

/** What is behind it, and what to do: from the functions' logs, or where those are. Without a full stop. */
export const cause = async (evidence: Evidence, ...keys: readonly FunctionKey[]): Promise<string> =>
  causeIn(await evidence.faults(...keys), evidence, ...keys);

/** The same, where it has been looked for. */
export const causeIn = (finding: Finding, evidence: Evidence, ...keys: readonly FunctionKey[]): string => {
  switch (finding.kind) {
    case "fault":
      return faultCause(finding.fault, finding.key, evidence);
    case "none": {
      const [first] = finding.silent.length > 0 ? finding.silent : keys;
      const name = first ? evidence.nameOf(first) : "";
      return finding.silent.length > 0
        ? `${name} wrote no line, so it was not invoked: its route, its integration or API Gateway's permission to invoke it is missing, or Lambda throttles it (${sections.throttledFunctions}); ${deployAgain}`
        : `${name} logged no fault; look at its duration and at Lambda's throttles (${sections.throttledFunctions})`;
    }
    case "unknown": {
      if (finding.absent) {
        return `${finding.why}; ${cureOf(finding.absent, `correct --stage, or ${deployAgain}`)}`;
      }
      const groups = keys.map((key) => evidence.groupOf(key)).join(" and ");
      const anchors = keys.map(runbook).join(", ");
      return `look at the ERROR lines in ${groups} (${finding.why}; ${anchors})`;
    }
  }
};

const faultCause = (fault: Fault, key: FunctionKey, evidence: Evidence): string => {
  const name = evidence.nameOf(key);
  if (fault.forbidden) {
    return `${name} may not do ${fault.forbidden}; grant it in infra/ and deploy (${runbook(key)})`;
  }
  return fault.unavailable
    ? `${name} could not have what it depends on (${fault.text}); look at DynamoDB's throttles and status (${sections.throttledTables})`
    : `${name} failed with ${fault.text}; if that began with a deployment, roll it back (${runbook(key)})`;
};

/** For a trouble that no step has words of its own for. */
export const troubleSentence = (symptom: Symptom, what: string): string => {
  switch (symptom.kind) {
    case "closed":
      return `${what} came to nothing, since the socket was closed with ${symptom.code} before; verify again, and if it stays so see ${troubleshooting}.`;
    case "silence":
      return `${what} came to nothing within ${asDuration(symptom.limitMs)}; verify again, and if it stays so see ${troubleshooting}.`;
    case "error":
      return `${what} was answered with ${symptom.frame.code} (${symptom.frame.message}); see ${troubleshooting}.`;
    case "gateway":
      return `${what} was answered with API Gateway's own "${symptom.message}"; see ${troubleshooting}.`;
    case "let-in":
      return `${what} was let in, where it ought to have been refused; ${deployAgain}.`;
    case "refused":
      return `${what} was refused with ${symptom.status}; see ${troubleshooting}.`;
    case "unreachable":
      return `${what} was not answered (${symptom.why}); correct --url.`;
  }
};
