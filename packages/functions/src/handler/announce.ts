import { onSessionChange } from "@lectern/core";
import { core } from "../core.js";
import { streamHandler } from "../stream-handler.js";

export const handler = streamHandler("announce", (change) => onSessionChange(core, change));
