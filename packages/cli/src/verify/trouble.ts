import type { FrameOf } from "@lectern/protocol";

/** What was seen instead of what was waited for. */
export type Symptom =
  /** No handshake was answered at all. */
  | { readonly kind: "unreachable"; readonly why: string }
  /** The handshake was answered with this status; `reason` is what it says to a client that asks for it readably. */
  | { readonly kind: "refused"; readonly status: number; readonly reason?: FrameOf<"error"> | undefined }
  /** It was let in where a refusal was due. */
  | { readonly kind: "let-in" }
  | { readonly kind: "error"; readonly frame: FrameOf<"error"> }
  /** A frame of API Gateway's own: `Forbidden`, `Internal server error`. */
  | { readonly kind: "gateway"; readonly message: string }
  /** Nothing came in this time (ms). */
  | { readonly kind: "silence"; readonly limitMs: number }
  | { readonly kind: "closed"; readonly code: number };

/** Something else was seen than what was waited for. */
export class Trouble extends Error {
  override readonly name = "Trouble";
  readonly symptom: Symptom;

  constructor(symptom: Symptom) {
    super(symptom.kind);
    this.symptom = symptom;
  }
}

/** What kind of trouble an error is; undefined: it is another error. */
export const symptomOf = (error: unknown): Symptom | undefined =>
  error instanceof Trouble ? error.symptom : undefined;

/** A promise was not kept; the message is one sentence with the cause and the cure. */
export class Failed extends Error {
  override readonly name = "Failed";
}

/** A check cannot be made here; the message is the reason. */
export class Skip extends Error {
  override readonly name = "Skip";
}

/**
 * Waits for one step of a check.
 * @param explain says what a trouble in it comes from
 * @throws {Failed} with that sentence
 */
export const step = async <Result>(
  work: Promise<Result>,
  explain: (symptom: Symptom) => string | Promise<string>,
): Promise<Result> => {
  try {
    return await work;
  } catch (error) {
    const symptom = symptomOf(error);
    throw symptom ? new Failed(await explain(symptom)) : error;
  }
};
