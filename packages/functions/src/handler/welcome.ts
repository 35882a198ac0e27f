import { onConnectionChange } from "@lectern/core";
import { core } from "../core.js";
import { streamHandler } from "../stream-handler.js";

export const handler = streamHandler("welcome", (change) => onConnectionChange(core, change));
