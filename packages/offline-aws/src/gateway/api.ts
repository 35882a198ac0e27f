import type { Clock } from "../clock.js";
import type { Authorize } from "../iam.js";
import type { Invoke } from "../lambda/invocation.js";

/** The limit on a message, in either direction. */
export const MAX_MESSAGE_BYTES = 128 * 1024;

/** In requests and requests per second. The defaults are the account's: 5,000 and 10,000. A zero rejects everything. */
export interface ThrottleSettings {
  readonly burstLimit?: number;
  readonly rateLimit?: number;
}

/** One deployed WebSocket API, as the infrastructure graph describes it. */
export interface WebSocketApi {
  /** `abc123` */
  readonly apiId: string;
  readonly region: string;
  /** `000000000000` */
  readonly accountId: string;
  /** `prod`: clients connect at `/prod`. */
  readonly stageName: string;
  /** `$request.body.action` */
  readonly routeSelectionExpression: string;
  readonly routes: readonly Route[];
  /** The stage's default route settings. */
  readonly throttle: ThrottleSettings;
}

export interface Route {
  /** `$connect`, `$disconnect`, `$default`, or a value of the route selection expression. */
  readonly routeKey: string;
  /** The proxied Lambda's physical name; undefined when the route has no integration. */
  readonly functionName: string | undefined;
  /** True when the function's body goes back to the caller: the route has a selection expression and a RouteResponse. */
  readonly routeResponse: boolean;
  /** The stage's settings for this route, in place of its default ones. */
  readonly throttle?: ThrottleSettings;
  /** Heeded on `$connect` only. */
  readonly authorizer?: { readonly functionName: string; readonly identitySources: readonly string[] };
}

export interface GatewayOptions {
  readonly api: WebSocketApi;
  readonly invoke: Invoke;
  readonly authorize: Authorize;
  readonly clock: Clock;
  /** Notices for the console. They carry no token, no query string, no frame and no address. */
  readonly onEvent?: (event: GatewayEvent) => void;
  /** Enforces the account's 500 new connections per second. Default: false. */
  readonly quotas?: boolean;
}

export type GatewayEvent =
  | { readonly kind: "connected"; readonly connectionId: string; readonly handshakeMs: number }
  | ({ readonly kind: "refused" } & Refusal)
  /** The client had gone before `$connect` let it in. */
  | { readonly kind: "abandoned"; readonly connectionId: string }
  | {
      readonly kind: "closed";
      readonly connectionId: string;
      readonly code: number;
      readonly reason: string;
      readonly lastedMs: number;
    }
  /** A message was answered with an error frame; the socket stays open. */
  | {
      readonly kind: "message-refused";
      readonly connectionId: string;
      readonly message: ErrorFrameMessage;
      readonly reason: string;
    }
  /** An `@connections` request posted to a connection or closed it. */
  | { readonly kind: "callback"; readonly accessKeyId: string | undefined }
  /** An `@connections` request was refused. */
  | {
      readonly kind: "callback-refused";
      readonly method: string;
      readonly status: number;
      readonly errorType: string;
      readonly reason: string;
    };

/** The texts for a throttled message and for a response beyond `MAX_MESSAGE_BYTES` are assumptions: AWS documents neither. */
export type ErrorFrameMessage = "Forbidden" | "Internal server error" | "Too Many Requests";

/** True for an object of fields; false for `null`. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** The state that the parts of one gateway share. */
export interface Deployment extends Pick<GatewayOptions, "api" | "invoke" | "clock"> {
  readonly routes: ReadonlyMap<string, Route>;
  readonly notify: (event: GatewayEvent) => void;
  /** The route for a message's body; undefined when there is none, not even `$default`. */
  readonly selectRoute: (body: string) => Route | undefined;
  /** Takes one request from the route's throttle, or the stage's; false when it has none left. */
  readonly withinThrottle: (route: Route | undefined) => boolean;
}

/** A client, as every event describes it. */
export interface Client {
  readonly connectionId: string;
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;
  readonly sourceIp: string;
  readonly userAgent: string | undefined;
  /** Present when `$connect` has an authorizer and it let the client pass. */
  readonly authorizer?: AuthorizerContext;
}

/** `requestContext.authorizer`: `principalId`, `integrationLatency` in ms, and the context, all as strings. */
export type AuthorizerContext = Readonly<Record<string, string | number>>;

/** The status and the cause of a handshake that is refused. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  /** True when an authorizer or a `$connect` function chose the status. */
  readonly byFunction?: boolean;
}

export const refusal = (status: number, reason: string, byFunction = false): Refusal =>
  byFunction ? { status, reason, byFunction } : { status, reason };
