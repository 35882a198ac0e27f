import { randomInt } from "node:crypto";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { type Core, createSockets, settingsFrom } from "@lectern/core";
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
const db = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });

/** The domain's surroundings in Lambda, built once per environment. */
export const core: Core = {
  db,
  tables: {
    sessions: required("SESSIONS_TABLE"),
    connections: required("CONNECTIONS_TABLE"),
    rateLimits: required("RATE_LIMITS_TABLE"),
  },
  settings: settingsFrom(process.env),
  sockets: createSockets({
    endpoint: required("API_GATEWAY_ENDPOINT"),
    region,
    credentials: () => ({
      accessKeyId: required("AWS_ACCESS_KEY_ID"),
      secretAccessKey: required("AWS_SECRET_ACCESS_KEY"),
      sessionToken: process.env.AWS_SESSION_TOKEN,
    }),
    now: Date.now,
  }),
  log,
  metrics,
  // Read on use: most functions are not linked to the key.
  get signingKey() {
    return signingKey();
  },
  now: Date.now,
  random: randomInt,
};
