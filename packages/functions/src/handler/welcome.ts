import { onConnectionChange } from "@lectern/core";
import { core } from "../core.js";
import { changes } from "../stream.js";

export const handler = changes("welcome", (change) => onConnectionChange(core, change));
