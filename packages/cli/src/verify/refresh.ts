import { type Check, present, type Scene } from "./check.js";
import { cause, causeIn, frameSentence, handshakeSentence } from "./diagnosis.js";
import { aboutHandshake, admitted, confirm, joinsSession, welcomed } from "./entrance.js";
import { willRefresh } from "./frames.js";
import { Failed, Skip, step } from "./trouble.js";
import type { Visitor } from "./visitor.js";

/** The clocks of the stage and of this machine do not go alike. */
const marginMs = 200;

export const refreshesConnections: Check = {
  name: "a connection is refreshed when its time comes",
  needs: [joinsSession],
  run: async (scene) => {
    if (!willRefresh(scene))
      throw new Skip("no stage asks in under a minute unless --refresh-minutes says so");
    const { evidence } = scene;
    const { sessionId } = present(scene.speaker).frame;
    const old = present(scene.listener).visitor;
    await untilDue(scene, old);
    await step(old.ask({ action: "heartbeat" }, "heartbeatAck"), (symptom) =>
      frameSentence(symptom, { what: "The heartbeat", evidence, route: "heartbeat", key: "heartbeat" }),
    );
    const { ticket } = await step(old.next("connectionRefreshRequired"), () => unasked(scene));

    const query = { action: "refreshConnection", role: "listener", sessionId, targetLanguage: "es", ticket };
    const visitor = await step(admitted(scene, query), (symptom) =>
      handshakeSentence(symptom, aboutHandshake(scene, "Refreshing a connection")),
    );
    try {
      return await replaced(scene, old, visitor);
    } catch (error) {
      // One of the two is the listener who leaves later: the other would still be counted.
      await (scene.listener?.visitor === visitor ? old : visitor).cut();
      throw error;
    }
  },
};

/** The new connection is welcomed, and the old one closed by the stage. */
const replaced = async (scene: Scene, old: Visitor, visitor: Visitor): Promise<string> => {
  const { sessionId } = present(scene.speaker).frame;
  const probe = () => confirm(visitor, sessionId);
  const { frame } = await welcomed(scene, visitor, "connectionRefreshComplete", probe);
  scene.listener = { visitor, connectionId: frame.connectionId };
  const stillOpen = async () =>
    `The old socket was not closed after connectionRefreshComplete: ${await cause(scene.evidence, "welcome")}.`;
  const code = await step(old.closed(), stillOpen);
  if (code === 1000) return "asked beside the ack, completed, the old socket closed with 1000";
  throw new Failed(
    `The old socket was closed with ${code} and not with 1000, so not by the stage: verify again over a network that keeps connections.`,
  );
};

/** A connection's own moment has come when the whole setting has passed since its handshake. */
const untilDue = async ({ subject }: Scene, { enteredAt }: Visitor): Promise<void> => {
  const waitMs = enteredAt + (subject.refreshMinutes ?? 0) * 60_000 + marginMs - performance.now();
  if (waitMs <= 0) return;
  subject.say(`Waiting ${Math.ceil(waitMs / 1_000)} s for the connection's time to refresh`);
  await subject.pause(waitMs);
};

const unasked = async ({ evidence, subject }: Scene): Promise<string> => {
  const missing = `No connectionRefreshRequired came beside the ack, ${subject.refreshMinutes} min after the handshake`;
  const finding = await evidence.faults("heartbeat");
  const why = causeIn(finding, evidence, "heartbeat");
  return finding.kind === "fault"
    ? `${missing}: ${why}.`
    : `${missing}: the stage's connectionRefreshMinutes is more than --refresh-minutes says; correct that, or ${why}.`;
};
