import { reap } from "@lectern/core";
import { core } from "../core.js";
import { work } from "../invocation.js";

export const handler = async () =>
  work({ operation: "reap", fields: {}, isBackground: true }, () => reap(core));
