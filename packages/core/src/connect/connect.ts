import { connectQuerySchema, type ErrorCode, typedSessionIdSchema } from "@lectern/protocol";
import * as v from "valibot";
import type { Core } from "../port/core.js";
import { countFailure } from "../port/metric.js";
import * as ConnectionTable from "../store/connection.table.js";
import { allowed, limitExceeded } from "../store/rate-limit.js";
import { Failure } from "../value/failure.js";
import { parse } from "../value/parse.js";
import { admitted, countAttempt, type Outcome, outcomeOf } from "./admission.js";
import { type Arrival, handshakeColumns } from "./arrival.js";
import { create } from "./create.js";
import { join, refreshListener } from "./join.js";
import { refreshSpeaker } from "./refresh-speaker.js";

export interface Handshake {
  readonly arrival: Arrival;
  readonly query: Readonly<Record<string, string | undefined>>;
  /** The authorizer's objection to the token, when it left the refusal to this function. */
  readonly refusal: ErrorCode | undefined;
}

/**
 * Decides a handshake. When this returns, the requested change is made; the welcome follows by the stream.
 *
 * A browser cannot read a handshake's status. So a client that asks for `errors=frame` is let in even when it is refused:
 * it gets the refusal as a frame and is then closed. That is limited by its address's connection attempts.
 * @throws {Failure} the refusal, with the requested `sessionId` in its details
 */
export const connect = async (core: Core, handshake: Handshake): Promise<void> => {
  const { arrival, query } = handshake;
  const exempt = isVerifiedSpeaker(handshake) ? allowed : undefined;
  const { refusal, attempt } = await outcomeOf(exempt, () => dispatch(core, handshake));
  if (!refusal) return;
  const failure = withSessionId(query.sessionId, refusal);
  if (query.errors !== "frame") throw failure;
  const verdict = attempt ?? (await countAttempt(core, arrival));
  if (!verdict.allowed) {
    throw withSessionId(query.sessionId, limitExceeded("connectionAttempts", verdict.retryAfter));
  }
  await refuseByFrame(core, arrival, failure);
  countFailure(core.metrics, failure);
};

const dispatch = async (core: Core, { arrival, query, refusal }: Handshake): Promise<Outcome> => {
  // Without the token service no token can be checked, but listeners need none.
  if (refusal && !(refusal === "SERVICE_UNAVAILABLE" && isListener(query))) throw new Failure(refusal);
  const request = parse(connectQuerySchema, query);
  switch (request.action) {
    case "createSession":
      await create(core, arrival, request);
      return admitted;
    case "joinSession":
      return join(core, arrival, request);
    case "refreshConnection":
      if (request.role === "listener") return refreshListener(core, arrival, request);
      await refreshSpeaker(core, arrival, request);
      return admitted;
  }
};

type Query = Handshake["query"];

const isListener = ({ action, role }: Query): boolean =>
  action === "joinSession" || (action === "refreshConnection" && role === "listener");

/** A speaker with a verified token: the limits by address do not apply. A listener's token makes no difference. */
const isVerifiedSpeaker = ({ arrival, query }: Handshake): boolean =>
  arrival.userId !== undefined &&
  (query.action === "createSession" || (query.action === "refreshConnection" && query.role === "speaker"));

/** Adds the requested session to the failure's details. Text that is no session id is not echoed. */
const withSessionId = (typed: string | undefined, failure: Failure): Failure => {
  const { success, output: sessionId } = v.safeParse(typedSessionIdSchema, typed);
  return success ? failure.with({ sessionId }) : failure;
};

/** Inserts a row whose welcome is the refusal. */
const refuseByFrame = async (core: Core, arrival: Arrival, failure: Failure): Promise<void> => {
  const { code, message, retryAfter, details } = failure;
  await ConnectionTable.insert(core, {
    ...handshakeColumns(core, arrival),
    role: "refused",
    refusal: { code, message, retryAfter, details },
  });
  core.log.info("Refused by frame", { outcome: "refused", errorCode: code });
};
