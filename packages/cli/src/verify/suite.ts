import { setTimeout as pause } from "node:timers/promises";
import { sayIfSlow } from "offline-aws";
import { type Check, Doubt, Failed, type Scene, Skip, type Subject } from "./check.js";
import { endsSession, forgetsLeavers } from "./exit.js";
import { acknowledgesHeartbeats, answersUnknownFrames, refreshesConnections, tellsStatus } from "./frames.js";
import { answers, createsSession, joinsSession, refusesBadTokens, refusesWrongIds } from "./handshake.js";
import { hasConcurrency } from "./quota.js";
import { storesListener, storesSession } from "./rows.js";

/** A deployed stage's promises, in the order in which one short session can show them. */
export const checks: readonly Check[] = [
  answers,
  refusesBadTokens,
  createsSession,
  storesSession,
  joinsSession,
  storesListener,
  acknowledgesHeartbeats,
  tellsStatus,
  answersUnknownFrames,
  refreshesConnections,
  forgetsLeavers,
  refusesWrongIds,
  endsSession,
  hasConcurrency,
];

/** The result of one check. */
export interface Result {
  readonly name: string;
  readonly status: "passed" | "warned" | "failed" | "skipped";
  readonly tookMs: number;
  /** If it passed: what was seen, in words. */
  readonly seen?: string;
  /** If it failed or warned: what was seen and the likely cause. If it was skipped: the reason. */
  readonly sentence?: string;
}

/** One run of the checks, on one session. */
export const createVerification = (subject: Subject) => {
  const failed = new Set<Check>();
  const scene: Scene = { subject, visitors: [] };
  return {
    /** Makes one check. The checks it needs must have been made before. */
    perform: async (check: Check): Promise<Result> => {
      const { name } = check;
      const missing = check.needs.find((needed) => failed.has(needed));
      const begun = performance.now();
      const outcome = missing
        ? ({ status: "skipped", sentence: `needs "${missing.name}"` } as const)
        : await sayIfSlow(subject.say, `Still waiting: ${name}`, attempt(check, scene));
      if (missing || outcome.status === "failed") failed.add(check);
      return { name, tookMs: performance.now() - begun, ...outcome };
    },
    /** Ends the session and closes every socket, whatever came before. */
    finish: async (): Promise<void> => {
      await farewell(scene);
      await Promise.all(scene.visitors.map((visitor) => visitor.cut()));
    },
  };
};

const attempt = async (check: Check, scene: Scene): Promise<Pick<Result, "status" | "seen" | "sentence">> => {
  try {
    return { status: "passed", seen: await check.run(scene) };
  } catch (error) {
    if (error instanceof Skip) return { status: "skipped", sentence: error.message };
    if (error instanceof Doubt) return { status: "warned", sentence: error.message };
    if (error instanceof Failed) return { status: "failed", sentence: error.message };
    throw error;
  }
};

/** The longest wait for the end of a leftover session (ms). */
const farewellMs = 1_000;

/** Ends a leftover session in two ways, by the frame and by leaving: either may be broken. */
const farewell = async ({ speaking }: Scene): Promise<void> => {
  const ended = speaking?.ask({ action: "endSession" }, "sessionEnded").catch(() => undefined);
  await Promise.race([ended, pause(farewellMs)]);
  await Promise.race([speaking?.leave().catch(() => undefined), pause(farewellMs)]);
};
