import { onSessionChange } from "@lectern/core";
import { fanOutCore } from "../fan-out-core.js";
import { streamHandler } from "../stream-handler.js";

export const handler = streamHandler("announce", (change) => onSessionChange(fanOutCore, change));
