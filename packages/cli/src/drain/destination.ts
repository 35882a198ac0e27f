import { webSocketUrlSchema } from "@lectern/protocol";
import { UserError } from "offline-aws";
import * as v from "valibot";
import { connect, statusOf } from "../client.js";

/** @throws {UserError} unless it is an address for clients */
export const parseDestination = (text: string): string => {
  const parsed = v.safeParse(webSocketUrlSchema, text);
  if (parsed.success) return parsed.output;
  throw new UserError(
    `--url takes the address that clients should move to, without a query, such as wss://live.example.com or wss://<api>/prod, not ${text}.`,
  );
};

/** Lectern's answers to a handshake without a query: 400, or 429 when this address has tried too often. */
const known = [400, 429];

const handshakeTimeoutMs = 10_000;

/**
 * Tries one handshake, so that no client is sent to a wrong address.
 * @throws {UserError} unless Lectern answers
 */
export const checkDestination = async (url: string): Promise<void> => {
  const connecting = connect(url, {}, { handshakeTimeoutMs });
  connecting.then(
    ({ socket }) => socket.terminate(),
    () => undefined,
  );
  const status = await statusOf(connecting).catch((error: unknown) => {
    const { code, message } = Object(error);
    throw new UserError(`Nobody answers at ${url} (${code ?? message}): check --url.`);
  });
  if (known.includes(status)) return;
  throw new UserError(
    `What answers at ${url} is not Lectern (${status} instead of 400): check --url, and that the domain leads to the API's stage.`,
  );
};
