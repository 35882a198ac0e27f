import { Announce } from "@lectern/core";
import { core } from "../core.js";
import { changes } from "../stream.js";

export const handler = changes("announce", (change) => Announce.onSessionChange(core, change));
