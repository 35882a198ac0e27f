import fc from "fast-check";
import { expect, test } from "vitest";
import { midnight, signingKey } from "../testing/index.js";
import { hashPrivate } from "./hash.js";
import { issueTicket, readTicket, type Ticket } from "./ticket.js";

const ticket: Ticket = {
  connectionId: "TXzPWdnOjoECGjA=",
  sessionId: "golden-eagle-427",
  role: "listener",
  targetLanguage: "es",
  expiresAt: midnight + 1000,
};

const read = (text: string, now = midnight) => readTicket(text, signingKey, now);

test("rule 11: a ticket comes back as it was issued", () => {
  expect(read(issueTicket(ticket, signingKey))).toEqual(ticket);
});

test("rule 11: a ticket is good until the millisecond before it expires", () => {
  const text = issueTicket(ticket, signingKey);
  expect(read(text, ticket.expiresAt - 1)).toEqual(ticket);
  expect(read(text, ticket.expiresAt)).toBeUndefined();
});

test("rule 11: a ticket signed with another key is forged", () => {
  expect(read(issueTicket(ticket, "another key"))).toBeUndefined();
});

test("rule 11: an address's HMAC under the same key makes no ticket", () => {
  const content = Buffer.from(JSON.stringify(ticket)).toString("base64url");
  expect(read(`${content}.${hashPrivate(content, signingKey)}`)).toBeUndefined();
});

test.each(["", ".", "..", "a.b", "{}", "e30.", ".e30", "null"])("rule 11: %j is no ticket", (text) => {
  expect(read(text)).toBeUndefined();
});

test("rule 11: a ticket that is altered anywhere is invalid", () => {
  const text = issueTicket(ticket, signingKey);
  const altered = fc.oneof(
    fc.tuple(fc.nat(text.length - 1), fc.string({ maxLength: 3 })).map(([at, piece]) => ({
      text: text.slice(0, at) + piece + text.slice(at + 1),
    })),
    fc.tuple(fc.nat(text.length), fc.string({ minLength: 1, maxLength: 20 })).map(([at, piece]) => ({
      text: text.slice(0, at) + piece + text.slice(at),
    })),
    fc.nat(text.length - 1).map((length) => ({ text: text.slice(0, length) })),
    fc.string().map((suffix) => ({ text: `${text}.${suffix}` })),
  );
  fc.assert(
    fc.property(altered, (attempt) => attempt.text === text || read(attempt.text) === undefined),
    { numRuns: 500 },
  );
});

test("rule 11: a ticket of any content comes back, and only under its own key", () => {
  const tickets = fc.record({
    connectionId: fc.string(),
    sessionId: fc.constantFrom("golden-eagle-427", "ab-cd-100"),
    role: fc.constantFrom("speaker" as const, "listener" as const),
    expiresAt: fc.integer({ min: midnight + 1, max: Number.MAX_SAFE_INTEGER }),
  });
  fc.assert(
    fc.property(tickets, fc.string(), fc.string(), (given, key, other) => {
      const text = issueTicket(given, key);
      expect(readTicket(text, key, midnight)).toEqual(given);
      if (other !== key) expect(readTicket(text, other, midnight)).toBeUndefined();
    }),
  );
});
