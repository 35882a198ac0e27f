import { createPoster } from "@lectern/core";
import { runPoster } from "./poster.js";

const credentials = { accessKeyId: "bench", secretAccessKey: "bench", sessionToken: "bench" };

await runPoster((endpoint) => {
  const poster = createPoster({
    endpoint,
    region: "us-east-1",
    credentials: () => credentials,
    now: Date.now,
  });
  return poster.send;
});
