import { randomBytes } from "node:crypto";
import net from "node:net";
import { loadIssuer, UserError } from "offline-aws";
import * as v from "valibot";
import { urlIn } from "./terminal/value.js";

/** A deployment's outputs. SST keeps them in `.sst/outputs.json`. */
export const outputsSchema = v.object({
  WebSocketAPIEndpoint: v.string(),
  SessionsTableName: v.string(),
  ConnectionsTableName: v.string(),
  UserPoolId: v.string(),
  UserPoolClientId: v.string(),
  AlarmTopicArn: v.optional(v.string()),
});

export type Outputs = v.InferOutput<typeof outputsSchema>;

const stateSchema = v.object({
  stage: v.string(),
  region: v.string(),
  /** The stack's own clock (ms since the epoch), which tests set. */
  now: v.number(),
  endpoints: v.array(v.object({ label: v.string(), url: v.string() })),
  outputs: outputsSchema,
});

/** A stack on this machine, as it describes itself. */
export interface LocalStack extends Readonly<Omit<v.InferOutput<typeof stateSchema>, "endpoints">> {
  /** `http://127.0.0.1:4000`: every service but DynamoDB. */
  readonly httpUrl: string;
  readonly dynamodbEndpoint: string;
}

/** @throws {UserError} unless it is a WebSocket address */
export const parseUrl = (text: string): URL =>
  urlIn(text, ["ws:", "wss:"], "--url takes a WebSocket address, such as ws://127.0.0.1:4000/prod");

/** Without the query: each handshake has its own. */
export const plain = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

export const isLoopback = ({ hostname }: URL): boolean => /^(127\.|localhost$|\[::1\]$)/.test(hostname);

const reachMs = 5_000;

/** The round trip to an endpoint (ms): the shortest of three TCP handshakes; 0 where it cannot be measured. */
export const roundTrip = async (url: string): Promise<number> => {
  const times: number[] = [];
  for (let round = 1; round <= 3; round += 1) times.push(await reach(new URL(url)).catch(() => 0));
  return Math.min(...times);
};

/**
 * Opens a TCP connection and closes it; resolves to how long that took (ms): one round trip.
 * @throws {UserError} unless somebody listens there
 */
export const reach = (url: URL): Promise<number> =>
  new Promise((resolve, reject) => {
    const port = Number(url.port) || (url.protocol === "wss:" ? 443 : 80);
    const begun = performance.now();
    const socket = net.connect({ host: url.hostname.replace(/^\[|\]$/g, ""), port });
    const fail = (why: string) => {
      socket.destroy();
      reject(
        new UserError(
          `Nobody answers at ${plain(url)} (${why}): start a stack with npm start, or correct --url.`,
        ),
      );
    };
    socket.setTimeout(reachMs, () => fail("no answer"));
    socket.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    socket.on("connect", () => {
      socket.destroy();
      resolve(performance.now() - begun);
    });
  });

/** The local stack at a host and port; undefined: something else, or nothing, answers there. */
export const stackAt = async (host: string): Promise<LocalStack | undefined> => {
  const signal = AbortSignal.timeout(2_000);
  // No log line has so high a number: they are not needed here.
  const state = `http://${host}/_local/state.json?after=${Number.MAX_SAFE_INTEGER}`;
  const answer: unknown = await fetch(state, { signal })
    .then((response) => response.json())
    .catch(() => undefined);
  const parsed = v.safeParse(stateSchema, answer);
  if (!parsed.success) return undefined;
  const { endpoints, ...rest } = parsed.output;
  const urlOf = (wanted: string) => endpoints.find(({ label }) => label === wanted)?.url ?? "";
  return { ...rest, httpUrl: urlOf("HTTP"), dynamodbEndpoint: urlOf("DynamoDB") };
};

/**
 * A token as `npm run -s token` prints it, signed by the checkout's issuer. Each call names another user, so that no run
 * meets the limit of sessions per user.
 */
export const localToken = async (
  root: string,
  { outputs, now }: LocalStack,
  who: string,
): Promise<string> => {
  const issuer = await loadIssuer(root);
  const client = { userPoolId: outputs.UserPoolId, clientId: outputs.UserPoolClientId };
  return issuer.token(client, { username: `${who}-${randomBytes(4).toString("hex")}`, now });
};

/**
 * A random address from the block for benchmarks (RFC 2544). The local gateway believes it, so that repeated runs do not
 * meet the limits per address; API Gateway ignores it.
 */
export const benchmarkAddress = (): string => {
  const byte = () => Math.floor(Math.random() * 256);
  return `198.${18 + (byte() & 1)}.${byte()}.${byte()}`;
};
