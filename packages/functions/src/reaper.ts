import { reap } from "@lectern/core";
import { core } from "./core.js";
import { logger } from "./log.js";

export const handler = async () => {
  logger.resetKeys();
  return reap(core);
};
