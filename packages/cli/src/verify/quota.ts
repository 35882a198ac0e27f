import { pages } from "./cause.js";
import { type Check, Doubt, Skip } from "./check.js";
import { answers } from "./handshake.js";
import { Unseen } from "./operator.js";

export const hasConcurrency: Check = {
  name: "the account may run enough functions at once",
  needs: [answers],
  run: async ({ subject }) => {
    const { unreserved, problem } = await subject.operator.concurrency().catch((error: unknown) => {
      throw error instanceof Unseen ? new Skip(error.message) : error;
    });
    if (problem) throw new Doubt(`${problem} (${pages.throttledFunctions}).`);
    return `${unreserved} at once`;
  },
};
