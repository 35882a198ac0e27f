import { named, settings } from "./stage";

/** Backups and protection against deletion, where the stage is protected. */
const table = (name: string) => ({
  table: { name: named(name), pointInTimeRecovery: { enabled: settings.isProtected } },
});

export const sessions = new sst.aws.Dynamo("Sessions", {
  fields: { sessionId: "string" },
  primaryIndex: { hashKey: "sessionId" },
  ttl: "expiresAt",
  stream: "new-and-old-images",
  deletionProtection: settings.isProtected,
  transform: table("Sessions"),
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
  transform: table("Connections"),
});

export const rateLimits = new sst.aws.Dynamo("RateLimits", {
  fields: { identifier: "string" },
  primaryIndex: { hashKey: "identifier" },
  ttl: "expiresAt",
  deletionProtection: settings.isProtected,
  transform: table("RateLimits"),
});
