import { lambda, on } from "./function";
import { environment, manage } from "./realtime";
import { signingKey } from "./secret";
import { connections } from "./storage";

/** Invoked by operators alone: nothing in AWS calls it, and no route leads to it. */
export const drain = lambda("Drain", "session-drain", {
  handler: "packages/functions/src/handler/drain.handler",
  memory: "256 MB",
  timeout: "60 seconds",
  environment,
  link: [signingKey],
  permissions: [on(connections, ["Scan"]), manage("POST")],
});
