import type { Client } from "@lectern/cli/client";
import type { FrameOf } from "@lectern/protocol";
import { expect } from "vitest";
import type { Stage } from "./stage.js";

/** Every connection is past its refresh moment at once, so that each heartbeat brings a ticket. */
export const settings = { connectionRefreshMinutes: "0.00001", connectionWarningMinutes: "60" };

export const ticketOf = async (client: Client): Promise<FrameOf<"connectionRefreshRequired">> => {
  const [required] = await Promise.all([
    client.next("connectionRefreshRequired"),
    client.ask({ action: "heartbeat" }, "heartbeatAck"),
  ]);
  return required;
};

const refreshListener = async (stage: Stage, client: Client): Promise<Client> => {
  const { sessionId, role, targetLanguage = "", ticket } = await ticketOf(client);
  const query = { action: "refreshConnection", sessionId, role, targetLanguage, ticket, errors: "frame" };
  const fresh = await stage.connect(query);
  await fresh.next("connectionRefreshComplete");
  return fresh;
};

export const refreshSpeaker = async (stage: Stage, sessionId: string): Promise<Client> => {
  const query = { action: "refreshConnection", role: "speaker", sessionId, token: stage.token() };
  const fresh = await stage.connect(query);
  await fresh.next("connectionRefreshComplete");
  return fresh;
};

/** Has the speaker and all listeners of a session refresh together, again and again. */
export const refreshAll = async (stage: Stage, listenerCount: number, rounds: number): Promise<void> => {
  let speaker: Client & { sessionId?: string } = await stage.create();
  const sessionId = speaker.sessionId ?? "";
  let listeners = await Promise.all(Array.from({ length: listenerCount }, () => stage.join(sessionId)));
  for (let round = 1; round <= rounds; round += 1) {
    stage.stack.clock.advance(1_000);
    const before = await stage.sessionOf(sessionId);
    const old = [speaker, ...listeners];
    [speaker, listeners] = await Promise.all([
      refreshSpeaker(stage, sessionId),
      Promise.all(listeners.map((listener) => refreshListener(stage, listener))),
    ]);
    await Promise.all(old.map((client) => client.closed));
    await stage.stack.idle();
    const after = await stage.sessionOf(sessionId);
    expect(after).toMatchObject({ isActive: true, listenerCount });
    expect(after?.expiresAt).toBeGreaterThan(before?.expiresAt ?? 0);
    expect(await stage.rowsOf(sessionId)).toHaveLength(listenerCount + 1);
  }
  await speaker.leave();
  for (const listener of listeners) expect((await listener.next("sessionEnded")).reason).toBe("speakerLeft");
};
