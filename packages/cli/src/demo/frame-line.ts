import type { ServerFrame } from "@lectern/protocol";

/** A frame in a few words, for a person who watches. */
export const describeFrame = (frame: ServerFrame): string => {
  switch (frame.type) {
    case "sessionCreated":
      return `${frame.sessionId}, spoken in ${frame.sourceLanguage}, ${frame.qualityTier}`;
    case "sessionJoined":
      return `${frame.sessionId}, ${frame.sourceLanguage} to ${frame.targetLanguage}`;
    case "heartbeatAck":
      return "";
    case "sessionStatus":
      return `${frame.isActive ? "active" : "over"}, ${listeners(frame.listenerCount, frame.languageDistribution)}`;
    case "connectionRefreshRequired":
      return `refresh before ${new Date(frame.deadline).toISOString().slice(11, 16)} UTC${frame.url === undefined ? "" : ` at ${frame.url}`}`;
    case "connectionWarning":
      return `${frame.remainingMinutes} min left`;
    case "connectionRefreshComplete":
      return `${frame.sessionId}, as its ${frame.role} again`;
    case "speakerReconnecting":
      return "the speaker is away, the session goes on";
    case "speakerReconnected":
      return "the speaker is back";
    case "sessionEnded":
      return `${frame.reason}: ${frame.message}`;
    case "error":
      return `${frame.status} ${frame.code}: ${frame.message}${frame.retryAfter === undefined ? "" : `, again in ${frame.retryAfter} s`}`;
  }
};

/** `3 listeners: es 1, fr 1, ja 1` */
export const listeners = (count: number, distribution: Readonly<Record<string, number>>): string => {
  const languages = Object.entries(distribution)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([language, wanting]) => `${language} ${wanting}`);
  const total = `${count} ${count === 1 ? "listener" : "listeners"}`;
  return languages.length > 0 ? `${total}: ${languages.join(", ")}` : total;
};
