import { reap } from "@lectern/core";
import type { Context } from "aws-lambda";
import { pacedCore } from "../core.js";
import { instrumented } from "../invocation.js";

/** Kept for the calls that are under way when the run stops: each may take three tries of three seconds. */
const reserveMs = 10_000;

export const handler = async (_event: unknown, context: Pick<Context, "getRemainingTimeInMillis">) => {
  const stopAt = pacedCore.now() + context.getRemainingTimeInMillis() - reserveMs;
  return instrumented({ operation: "reap", fields: {}, isBackground: true }, () => reap(pacedCore, stopAt));
};
