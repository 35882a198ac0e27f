import { Announce, sessionSchema } from "@lectern/core";
import * as v from "valibot";
import { core } from "./core.js";
import { changes } from "./stream.js";

const imageSchema = v.optional(sessionSchema);

export const handler = changes("announce", async ({ eventName, before, after, byTtl }) => {
  // A session that we withdrew ourselves never had anybody to tell.
  if (eventName === "REMOVE" && !byTtl) return;
  const [was, is] = [v.parse(imageSchema, before), v.parse(imageSchema, after)];
  const change = Announce.changeOf(was, is);
  const session = is ?? was;
  if (change && session) await Announce.announce(core, change, session);
});
