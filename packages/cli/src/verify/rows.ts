import { connectionSchema, type Session, sessionSchema } from "@lectern/core";
import * as v from "valibot";
import { pages } from "./cause.js";
import { type Check, Failed, present, type Scene, Skip } from "./check.js";
import { createsSession, joinsSession } from "./handshake.js";
import { type TableName, Unseen } from "./operator.js";
import { claimsOf } from "./token.js";

export const storesSession: Check = {
  name: "the session and its speaker are in the tables",
  needs: [createsSession],
  run: async (scene) => {
    const { frame } = present(scene.speaker);
    const { sessionId, connectionId, sourceLanguage, qualityTier, expiresAt } = frame;
    const { sub } = claimsOf(scene.subject.token);
    agree(sessionId, await sessionRow(scene, sessionId), {
      speakerConnectionId: connectionId,
      ...(sub === undefined ? {} : { speakerUserId: sub }),
      sourceLanguage,
      qualityTier,
      sharedNetwork: true,
      isActive: true,
      listenerCount: 0,
      expiresAt: expiresAt / 1_000,
    });
    const row = await connectionRow(scene, connectionId);
    agree("the speaker's connection", row, { role: "speaker", sessionId });
    return "active, listenerCount 0, its speaker's connection";
  },
};

export const storesListener: Check = {
  name: "the listener is in the tables, and counted",
  needs: [joinsSession],
  run: async (scene) => {
    const { sessionId } = present(scene.speaker).frame;
    const { connectionId } = present(scene.listener);
    const row = await connectionRow(scene, connectionId);
    agree("the listener's connection", row, { role: "listener", sessionId, targetLanguage: "es" });
    agree(sessionId, await sessionRow(scene, sessionId), { listenerCount: 1 });
    return "listenerCount 1";
  },
};

/**
 * Reads a row; undefined: it does not exist.
 * @throws {Skip} it cannot be looked at
 * @throws {Failed} there is no such table
 */
export const rowIn = async ({ subject }: Scene, table: TableName, key: string): Promise<unknown> => {
  try {
    return await subject.operator.row(table, key);
  } catch (error) {
    if (!(error instanceof Unseen)) throw error;
    if (!error.isAbsent) throw new Skip(error.message);
    throw new Failed(`No row can be looked at: ${error.message} (${pages.troubleshooting}).`);
  }
};

export const sessionRow = async (scene: Scene, sessionId: string): Promise<Session> =>
  read(`session ${sessionId}`, sessionSchema, await rowIn(scene, "Sessions", sessionId));

const connectionRow = async (scene: Scene, connectionId: string) =>
  read("the connection", connectionSchema, await rowIn(scene, "Connections", connectionId));

const read = <Schema extends v.GenericSchema>(
  what: string,
  schema: Schema,
  row: unknown,
): v.InferOutput<Schema> => {
  if (row === undefined) {
    throw new Failed(
      `The tables have no row of ${what}: they are another stage's than the endpoint; correct --outputs or --stage (${pages.troubleshooting}).`,
    );
  }
  const parsed = v.safeParse(schema, row);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new Failed(
    `The row of ${what} has another shape than this checkout's (${v.getDotPath(issue)}: ${issue.message}): verify with the checkout that was deployed (${pages.troubleshooting}).`,
  );
};

type Row = Readonly<Record<string, unknown>>;

/** @throws {Failed} naming the first attribute that is not as expected */
const agree = (what: string, row: Row, expected: Row): void => {
  for (const [name, value] of Object.entries(expected)) {
    if (row[name] === value) continue;
    throw new Failed(
      `In the row of ${what}, ${name} is ${JSON.stringify(row[name])} and not ${JSON.stringify(value)}: another version than this checkout is deployed, or somebody else writes there; deploy this checkout and verify again (${pages.troubleshooting}).`,
    );
  }
};
