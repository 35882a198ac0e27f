import { reap } from "@lectern/core";
import { core } from "../core.js";
import { instrumented } from "../invocation.js";

export const handler = async () =>
  instrumented({ operation: "reap", fields: {}, isBackground: true }, () => reap(core));
