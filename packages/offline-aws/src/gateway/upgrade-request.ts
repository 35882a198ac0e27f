import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

/** The client's request, as `$connect` and its authorizer see it. */
export interface UpgradeRequest {
  /** Still encoded, without the query. */
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  /** In the client's order and spelling. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly sourceIp: string;
  readonly userAgent: string | undefined;
}

/** API Gateway takes these off before it builds the event. */
const HOP_BY_HOP = new Set(["connection", "upgrade"]);

/**
 * A local convenience: the client's own `X-Forwarded-For` stands for the chain that AWS would have built, so that
 * tests can come from many addresses. On AWS the gateway appends the address it saw, so the last entry is the
 * source here too, and entries before it are what a client made up.
 */
export const readUpgradeRequest = (request: IncomingMessage): UpgradeRequest => {
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const chain = request.headers["x-forwarded-for"]?.toString();
  const claimed = chain?.slice(chain.lastIndexOf(",") + 1).trim();
  const isClaimed = claimed !== undefined && isIP(claimed) !== 0;
  const sourceIp = isClaimed ? claimed : remoteAddress(request);
  return {
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? [] : [...new URLSearchParams(url.slice(mark + 1))],
    headers: [
      ...rawHeaders(request).filter(([name]) => isPassedOn(name)),
      ["X-Forwarded-For", isClaimed && chain !== undefined ? chain : sourceIp],
      ["X-Forwarded-Port", "443"],
      ["X-Forwarded-Proto", "https"],
    ],
    sourceIp,
    userAgent: request.headers["user-agent"],
  };
};

const isPassedOn = (name: string): boolean => {
  const lower = name.toLowerCase();
  return !HOP_BY_HOP.has(lower) && !lower.startsWith("x-forwarded-");
};

const rawHeaders = ({ rawHeaders: flat }: IncomingMessage): [string, string][] => {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2)
    pairs.push([flat[index] ?? "", flat[index + 1] ?? ""]);
  return pairs;
};

/** A dual-stack server sees IPv4 clients as `::ffff:127.0.0.1`. */
const remoteAddress = (request: IncomingMessage): string =>
  (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
