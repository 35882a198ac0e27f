import type { FrameOf } from "@lectern/protocol";
import type { Evidence } from "./evidence.js";
import type { Operator } from "./operator.js";
import type { Door, Visitor } from "./visitor.js";

/** The endpoint that is verified, and all that is known of it. */
export interface Subject {
  readonly url: string;
  /** The speaker's. */
  readonly token: string;
  readonly stage: string | undefined;
  /** The user pool that the token ought to be of, where it is known. */
  readonly pool: { readonly userPoolId: string; readonly clientId: string } | undefined;
  readonly operator: Operator;
  /** The stage's `connectionRefreshMinutes`, where it was said. */
  readonly refreshMinutes: number | undefined;
  /** Milliseconds since the epoch, by the stage's clock. */
  readonly now: () => number;
  /** From when on log lines are of this run, by the same clock. */
  readonly since: number;
  /** How long a handshake may take, and any other wait (ms). */
  readonly handshakeMs: number;
  readonly limitMs: number;
  /** How long a log line may take to be found (ms). */
  readonly patienceMs: number;
  /** Where the local gateway takes the run to come from; API Gateway sees for itself. */
  readonly address: string;
  /** How long the way to the endpoint and back is (ms), which no stage can shorten. */
  readonly roundTrip: () => Promise<number>;
  /** Lets time pass (ms) until something is due. */
  readonly pause: (ms: number) => Promise<void>;
  /** Gets a line about what takes long. */
  readonly say: (line: string) => void;
}

/** What is there between two checks. */
export interface Scene {
  readonly subject: Subject;
  readonly evidence: Evidence;
  readonly door: Door;
  /** The speaker's socket, welcomed or not. */
  speaking?: Visitor;
  speaker?: { readonly visitor: Visitor; readonly frame: FrameOf<"sessionCreated"> };
  listener?: { readonly visitor: Visitor; readonly connectionId: string };
}

/** One promise of a deployed stage. */
export interface Check {
  readonly name: string;
  /** Without these there is nothing to check. */
  readonly needs: readonly Check[];
  /**
   * Resolves to what was seen, in words.
   * @throws {Failed} it was not kept
   * @throws {Skip} it cannot be checked here
   */
  run(scene: Scene): Promise<string>;
}

/** Who is there by the checks that a check needs. */
export const present = <Guest>(guest: Guest | undefined): Guest => {
  if (guest === undefined) throw new Error("A check runs without what it needs");
  return guest;
};
