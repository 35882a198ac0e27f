import {
  ApiGatewayManagementApiClient,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { createSockets } from "@lectern/core";
import type { ServerFrame } from "@lectern/protocol";
import { cpuPerUnit } from "./cpu.js";

// Posts one frame to many connections in each round, and prints the CPU time per post of each round.

/** The concurrency of the service's fan-out. */
const concurrency = 50;

const frame: ServerFrame = {
  type: "sessionEnded",
  timestamp: 1_790_000_000_000,
  sessionId: "golden-eagle-427",
  reason: "speakerLeft",
  message: "The speaker has left",
};

const [by = "", endpoint = "", posts = "", rounds = ""] = process.argv.slice(2);
const region = "us-east-1";
const credentials = { accessKeyId: "bench", secretAccessKey: "bench", sessionToken: "bench" };

const postBySdk = () => {
  const client = new ApiGatewayManagementApiClient({ endpoint, region, credentials });
  return (ConnectionId: string) =>
    client.send(new PostToConnectionCommand({ ConnectionId, Data: Buffer.from(JSON.stringify(frame)) }));
};

const postByLectern = () => {
  const sockets = createSockets({ endpoint, region, credentials: () => credentials, now: Date.now });
  return (connectionId: string) => sockets.send(connectionId, frame);
};

const post: (connectionId: string) => Promise<unknown> = by === "sdk" ? postBySdk() : postByLectern();
const ids = Array.from({ length: Number(posts) }, (_, index) => `Fan${String(index).padStart(11, "0")}A=`);
const cpuUs = await cpuPerUnit(Number(rounds), ids.length, () => {
  const queue = ids.values();
  const posters = Array.from({ length: concurrency }, async () => {
    for (const id of queue) await post(id);
  });
  return Promise.all(posters);
});
process.stdout.write(JSON.stringify({ cpuUs }));
process.exit(0);
