import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { type Client, type Deployment, type GatewayOptions, MAX_MESSAGE_BYTES } from "./api.js";
import { type Close, type Connection, serveConnection } from "./connection.js";
import { disconnectEvent } from "./event.js";
import { admit, refuseHandshake } from "./handshake.js";
import { createId } from "./id.js";
import { createManagement } from "./management.js";
import { createRouteSelector } from "./route-selection.js";
import { createThrottle, createTokenBucket } from "./throttle.js";

const ACCOUNT_NEW_CONNECTIONS = 500;

/** How long a shutdown waits, in real time. */
const SHUTDOWN_MS = 10_000;

/**
 * How long a client may take to answer a close, in real time. `ws` waits 30 s, which is too long to wait for a
 * `$disconnect`; its types lack the option.
 */
const CUT_OFF = { closeTimeout: 5_000 };

const GOING_AWAY: Close = { code: 1001, reason: "Going away" };

export interface Gateway {
  /** For the "upgrade" event of an `http.Server`. Answers every upgrade, also those for other paths (403). */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Answers `/<stage>/@connections/<id>`. Returns false, and does nothing, for any other path. */
  handleRequest(request: IncomingMessage, response: ServerResponse): boolean;
  connectionCount(): number;
  /** Closes every socket with 1001 and waits for their `$disconnect` invocations, ten seconds at most. */
  close(): Promise<void>;
}

/**
 * API Gateway's WebSocket API, as one stage of one API behaves on AWS.
 *
 * @example
 * const gateway = createGateway({ api, invoke, authorize, clock });
 * const server = http.createServer((request, response) => gateway.handleRequest(request, response));
 * server.on("upgrade", gateway.handleUpgrade);
 */
export const createGateway = (options: GatewayOptions): Gateway => {
  const { api, invoke, authorize, clock, onEvent, quotas = false } = options;
  const routes = new Map(api.routes.map((route) => [route.routeKey, route]));
  const deployment: Deployment = {
    api,
    routes,
    invoke,
    clock,
    notify: onEvent ?? (() => {}),
    selectRoute: createRouteSelector(api.routeSelectionExpression, routes),
    withinThrottle: createThrottle(api, clock),
  };
  const withinQuota = quotas
    ? createTokenBucket(clock, ACCOUNT_NEW_CONNECTIONS, ACCOUNT_NEW_CONNECTIONS)
    : () => true;

  const connections = new Map<string, Connection>();
  const subprotocols = new WeakMap<IncomingMessage, string>();
  const upgrader = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    ...CUT_OFF,
    // `ws` would take the first subprotocol that is offered; here the $connect function chooses.
    handleProtocols: (_, request) => subprotocols.get(request) ?? false,
  });

  /** The handshakes and `$disconnect` invocations that a shutdown waits for. */
  const pending = new Set<Promise<void>>();
  let closing: Promise<void> | undefined;
  let onQuiet = () => {};
  const track = (work: Promise<void>): void => {
    pending.add(work);
    void work.finally(() => {
      pending.delete(work);
      if (pending.size === 0 && connections.size === 0) onQuiet();
    });
  };

  const disconnect = async (client: Client, close: Close): Promise<void> => {
    const functionName = routes.get("$disconnect")?.functionName;
    if (functionName === undefined) return;
    await invoke(
      functionName,
      disconnectEvent(api, client, { now: clock.now(), requestId: createId() }, close),
    );
  };

  const accept = (client: Client, request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const { connectionId, connectedAt } = client;
    upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = serveConnection(deployment, client, webSocket, socket, ({ code, reason }) => {
        connections.delete(connectionId);
        const lastedMs = clock.now() - connectedAt;
        deployment.notify({ kind: "closed", connectionId, code, reason, lastedMs });
        track(disconnect(client, { code, reason }));
      });
      connections.set(connectionId, connection);
      deployment.notify({ kind: "connected", connectionId, handshakeMs: clock.now() - connectedAt });
    });
  };

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const admission = await admit(deployment, withinQuota, request);
    if (admission.kind === "refused") {
      refuseHandshake(socket, admission.refusal);
      deployment.notify({ kind: "refused", ...admission.refusal });
      return;
    }
    const { client, subprotocol } = admission;
    if (closing || socket.destroyed || !socket.readable || !socket.writable) {
      socket.destroy();
      deployment.notify({ kind: "abandoned", connectionId: client.connectionId });
      // $connect has already written its rows. AWS does not document the code.
      await disconnect(client, { code: 1006, reason: "" });
      return;
    }
    if (subprotocol !== undefined) subprotocols.set(request, subprotocol);
    accept(client, request, socket, head);
    socket.off("error", ignoreError);
  };

  const close = async (): Promise<void> => {
    if (pending.size === 0 && connections.size === 0) return;
    for (const connection of connections.values()) connection.close(GOING_AWAY);
    await new Promise<void>((resolve) => {
      const bound = setTimeout(resolve, SHUTDOWN_MS);
      onQuiet = () => {
        clearTimeout(bound);
        resolve();
      };
    });
  };

  return {
    handleUpgrade: (request, socket, head) => {
      // A client may drop the connection at any moment of the handshake; after it, `ws` has its own listener.
      socket.on("error", ignoreError);
      if (closing) refuseHandshake(socket, { status: 503, reason: "" });
      else track(upgrade(request, socket, head));
    },
    handleRequest: createManagement(deployment, connections, authorize),
    connectionCount: () => connections.size,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
};

const ignoreError = (): void => {};
