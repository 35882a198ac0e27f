import { randomInt } from "node:crypto";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { type Core, createSockets, paced, type Sockets, settingsFrom } from "@lectern/core";
import { required } from "./environment.js";
import { log } from "./invocation.js";
import { metrics } from "./metric.js";
import { signingKey } from "./resources.js";

const region = required("REGION");

const client = new DynamoDBClient({
  region,
  maxAttempts: 1,
  // Three tries against a table that does not answer end well within 10 s, the shortest function's timeout.
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
});
// It prepares each input and output for a log that is not there: a tenth of the reaper's CPU.
client.middlewareStack.remove("loggerMiddleware");
const db = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });

const coreWith = (sockets: Sockets): Core => ({
  db,
  tables: {
    sessions: required("SESSIONS_TABLE"),
    connections: required("CONNECTIONS_TABLE"),
    rateLimits: required("RATE_LIMITS_TABLE"),
  },
  settings: settingsFrom(process.env),
  sockets,
  log,
  metrics,
  // Read on use: most functions are not linked to the key.
  get signingKey() {
    return signingKey();
  },
  now: Date.now,
  random: randomInt,
});

/** The domain's surroundings in Lambda, built once per environment. */
export const core = coreWith(
  createSockets({
    endpoint: required("API_GATEWAY_ENDPOINT"),
    region,
    credentials: () => ({
      accessKeyId: required("AWS_ACCESS_KEY_ID"),
      secretAccessKey: required("AWS_SECRET_ACCESS_KEY"),
      sessionToken: process.env.AWS_SESSION_TOKEN,
    }),
    now: Date.now,
  }),
);

/** The core of the functions that address hundreds of clients at once. */
export const pacedCore = coreWith(paced(core));
