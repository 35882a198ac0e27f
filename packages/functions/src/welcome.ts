import { connectionSchema, welcome } from "@lectern/core";
import * as v from "valibot";
import { core } from "./core.js";
import { changes } from "./stream.js";

export const handler = changes("welcome", async ({ eventName, after }) => {
  if (eventName === "INSERT") await welcome(core, v.parse(connectionSchema, after));
});
