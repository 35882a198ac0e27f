import { randomBytes } from "node:crypto";
import net from "node:net";
import { loadIssuer, UserError } from "offline-aws";
import * as v from "valibot";

/** What a deployment puts out: names by which everything else is found. SST keeps it in `.sst/outputs.json`. */
export const outputsSchema = v.object({
  WebSocketAPIEndpoint: v.string(),
  SessionsTableName: v.string(),
  ConnectionsTableName: v.string(),
  UserPoolId: v.string(),
  UserPoolClientId: v.string(),
  AlarmTopicArn: v.optional(v.string()),
});

export type Outputs = v.InferOutput<typeof outputsSchema>;

/** A stack that runs on this machine, as it describes itself. */
export interface LocalStack {
  readonly stage: string;
  readonly region: string;
  /** By the stack's own clock, in ms since the epoch: tests set it. */
  readonly now: number;
  /** `http://127.0.0.1:4000`: every service but DynamoDB. */
  readonly httpUrl: string;
  readonly dynamodbEndpoint: string;
  readonly outputs: Outputs;
}

/** @throws {UserError} unless it is a WebSocket address */
export const parseUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !["ws:", "wss:"].includes(url.protocol)) {
    throw new UserError(`--url takes a WebSocket address, such as ws://127.0.0.1:4000/prod, not ${text}.`);
  }
  return url;
};

/** Without a query: whoever connects has a query of its own. */
export const plain = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

export const isLoopback = ({ hostname }: URL): boolean => /^(127\.|localhost$|\[::1\]$)/.test(hostname);

const reachMs = 5_000;

/**
 * Opens a TCP connection and closes it; resolves to how long that took (ms), which is one way there and back.
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
          `Nobody answers at ${plain(url)} (${why}): start a stack with npm start, or mend --url.`,
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

const stateSchema = v.object({
  stage: v.string(),
  region: v.string(),
  now: v.number(),
  endpoints: v.array(v.object({ label: v.string(), url: v.string() })),
  outputs: outputsSchema,
});

/** The local stack that listens at a host and port, if it is one: its status page tells. */
export const stackAt = async (host: string): Promise<LocalStack | undefined> => {
  const signal = AbortSignal.timeout(2_000);
  // The log lines on that page are not wanted here.
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
 * A token as `npm run -s token` prints it: the checkout's issuer signs, whether its stack was started here or not. Each
 * is a user's of its own, so that none meets the limit of sessions per user.
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
