import { lambda, on } from "./function";
import { environment, manage } from "./realtime";
import { signingKey } from "./secret";
import { connections, rateLimits } from "./storage";

/** Only operators invoke it: it has no route and no schedule. */
lambda("Drain", {
  environment,
  link: [signingKey],
  permissions: [on(connections, ["Scan"]), on(rateLimits, ["UpdateItem"]), manage("POST")],
});
