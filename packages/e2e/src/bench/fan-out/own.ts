import { createSockets } from "@lectern/core";
import { runPoster } from "./poster.js";

const credentials = { accessKeyId: "bench", secretAccessKey: "bench", sessionToken: "bench" };

await runPoster((endpoint) => {
  const sockets = createSockets({
    endpoint,
    region: "us-east-1",
    credentials: () => credentials,
    now: Date.now,
  });
  return sockets.send;
});
