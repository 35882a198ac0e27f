import { createPoster } from "@lectern/core";
import { core, coreWith, endpoint, region } from "./core.js";
import { required } from "./environment.js";

const poster = createPoster({
  endpoint,
  region,
  credentials: () => ({
    accessKeyId: required("AWS_ACCESS_KEY_ID"),
    secretAccessKey: required("AWS_SECRET_ACCESS_KEY"),
    sessionToken: process.env.AWS_SESSION_TOKEN,
  }),
  now: Date.now,
});

/** The core of the functions that address hundreds of clients at once. */
export const fanOutCore = coreWith({ ...core.sockets, ...poster });
