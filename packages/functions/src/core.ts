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
  // A table that does not answer is given up three times, well within the 10 s of the shortest function.
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
});

/** The domain's surroundings in Lambda, made once per environment. */
export const core: Core = {
  db: DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } }),
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
  get signingKey() {
    return signingKey();
  },
  now: Date.now,
  random: randomInt,
};
