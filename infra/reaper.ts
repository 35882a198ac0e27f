import { lambda, on } from "./function";
import { environment, manage } from "./realtime";
import { connections, rateLimits, sessions } from "./storage";

const reaper = lambda("Reaper", {
  environment,
  permissions: [
    on(sessions, ["Scan", "UpdateItem"]),
    on(connections, ["Scan", "GetItem", "DeleteItem"]),
    on(rateLimits, ["BatchGetItem", "UpdateItem"]),
    manage("GET", "POST", "DELETE"),
  ],
});

new sst.aws.Cron("Reap", { schedule: "rate(1 minute)", function: reaper.arn });
