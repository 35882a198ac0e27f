import { named, settings } from "./stage";

/** Names a table, backs it up on a protected stage, and imports one that an earlier removal kept. */
const table =
  (name: string) =>
  (args: aws.dynamodb.TableArgs, options: $util.CustomResourceOptions): undefined => {
    args.name = named(name);
    args.pointInTimeRecovery = { enabled: settings.isProtected };
    if (settings.adoptRetained) options.import = named(name);
  };

export const sessions = new sst.aws.Dynamo("Sessions", {
  fields: { sessionId: "string" },
  primaryIndex: { hashKey: "sessionId" },
  ttl: "expiresAt",
  stream: "new-and-old-images",
  deletionProtection: settings.isProtected,
  transform: { table: table("Sessions") },
});

export const connectionsByLanguage = "sessionId-targetLanguage-index";

export const connections = new sst.aws.Dynamo("Connections", {
  fields: { connectionId: "string", sessionId: "string", targetLanguage: "string" },
  primaryIndex: { hashKey: "connectionId" },
  globalIndexes: {
    [connectionsByLanguage]: { hashKey: "sessionId", rangeKey: "targetLanguage", projection: "all" },
  },
  ttl: "ttl",
  stream: "new-and-old-images",
  deletionProtection: settings.isProtected,
  transform: { table: table("Connections") },
});

export const rateLimits = new sst.aws.Dynamo("RateLimits", {
  fields: { identifier: "string" },
  primaryIndex: { hashKey: "identifier" },
  ttl: "expiresAt",
  deletionProtection: settings.isProtected,
  transform: { table: table("RateLimits") },
});
