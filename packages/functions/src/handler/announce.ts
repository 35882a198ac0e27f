import { onSessionChange } from "@lectern/core";
import { pacedCore } from "../core.js";
import { streamHandler } from "../stream-handler.js";

export const handler = streamHandler("announce", (change) => onSessionChange(pacedCore, change));
