import type { SessionId } from "@lectern/protocol";
import type { Arrival } from "../connect/arrival.js";
import { connect, type Handshake } from "../connect/connect.js";
import { onDisconnect } from "../disconnect/connection.js";
import type { Core } from "../port/core.js";
import type { Connection } from "../store/connection.table.js";
import type { FakeSockets } from "./fake-sockets.js";

/** Query parameters; `by` is the process that handles the handshake, `from` overrides parts of the arrival. */
interface Options {
  readonly by?: Core;
  readonly from?: Partial<Arrival>;
  readonly [parameter: string]: unknown;
}

/** The actions of clients, as the functions see them. */
export const clientsOf = (
  core: Core,
  sockets: FakeSockets,
  connection: (connectionId: string) => Promise<Connection | undefined>,
) => {
  const arrival = (connectionId: string, more: Partial<Arrival> = {}): Arrival => ({
    connectionId,
    connectedAt: core.now(),
    requestedAt: core.now() - 20,
    requestId: `request of ${connectionId}`,
    // Every client has its own address, so that limits only concern the tests about limits.
    address: `address of ${connectionId}`,
    userId: undefined,
    ...more,
  });

  /** A handshake. Its socket opens once it was accepted. */
  const shake = async (
    by: Core,
    query: Record<string, string>,
    from: Arrival,
    refusal?: Handshake["refusal"],
  ): Promise<void> => {
    await connect(by, { arrival: from, query, refusal });
    sockets.open(from.connectionId);
  };

  return {
    arrival,
    shake,
    /** Creates a session for the user `alice`, and returns its id. */
    create: async (connectionId = "speaker", options: Options = {}): Promise<SessionId> => {
      const { by = core, from = {}, ...query } = options;
      const request = { action: "createSession", sourceLanguage: "en", ...strings(query) };
      await shake(by, request, arrival(connectionId, { userId: "alice", ...from }));
      const row = await connection(connectionId);
      if (row?.role !== "speaker") throw new Error("The speaker has no row");
      return row.sessionId;
    },
    join: (sessionId: string, connectionId: string, options: Options = {}): Promise<void> => {
      const { by = core, from = {}, ...query } = options;
      const request = { action: "joinSession", sessionId, targetLanguage: "es", ...strings(query) };
      return shake(by, request, arrival(connectionId, from));
    },
    refresh: (
      sessionId: string,
      role: "speaker" | "listener",
      connectionId: string,
      options: Options = {},
    ): Promise<void> => {
      const { by = core, from = {}, ...query } = options;
      const language = role === "listener" ? { targetLanguage: "es" } : {};
      const request = { action: "refreshConnection", sessionId, role, ...language, ...strings(query) };
      const user = role === "speaker" ? { userId: "alice" } : {};
      return shake(by, request, arrival(connectionId, { ...user, ...from }));
    },
    /** The client's socket closes with this code (undefined: unknown), and the function is told. */
    leave: async (connectionId: string, code: number | undefined, by: Core = core): Promise<void> => {
      sockets.drop(connectionId);
      const row = await connection(connectionId);
      const ageMs = core.now() - (row?.connectedAt ?? core.now());
      await onDisconnect(by, connectionId, { code, ageMs });
    },
  };
};

const strings = (query: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)]));
