import specs from "@asyncapi/specs";
import {
  clientFrameSchema,
  connectQuerySchema,
  errorCodeSchema,
  errorCodes,
  isRetryable,
  serverFrameSchema,
  statusOf,
} from "@lectern/protocol";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { asyncApi } from "./asyncapi.js";
import { clientFrames, handshakes } from "./request.js";
import { exampleOf, serverTypes } from "./server-frame.js";

/** As a reader gets it. */
const parsed = JSON.parse(JSON.stringify(asyncApi("1.2.3")));

// AsyncAPI's schema brings the meta schema under its own id.
const ajv = new Ajv({ strict: false, allErrors: true, meta: false, validateSchema: false });
addFormats.default(ajv);
const official: object = specs.schemas["3.0.0"];
const validate = ajv.compile(official);

const messages: Record<string, { payload: object; examples: { payload: unknown }[] }> =
  parsed.components.messages;

describe("the AsyncAPI document", () => {
  test("is valid by AsyncAPI's own schema", () => {
    validate(parsed);
    expect(validate.errors).toBe(null);
  });

  test.each([
    [
      "a method that no handshake has",
      (it: typeof parsed) => (it.channels.joinSession.bindings.ws.method = "PUT"),
    ],
    ["an action that is none", (it: typeof parsed) => (it.operations.joinSessionHeartbeat.action = "answer")],
    ["no title", (it: typeof parsed) => delete it.info.title],
  ])("would not be with %s", (_, spoil) => {
    const spoilt = structuredClone(parsed);
    spoil(spoilt);
    expect(validate(spoilt)).toBe(false);
  });

  test("refers to nothing that is not in it", () => {
    const refs = [...JSON.stringify(parsed).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
      ([, pointer = ""]) => pointer,
    );
    expect(refs.length).toBeGreaterThan(100);
    for (const pointer of refs) {
      expect(
        pointer.split("/").reduce((at, key) => at?.[key], parsed),
        pointer,
      ).toBeDefined();
    }
  });

  test("has a message for every frame of the protocol, either way", () => {
    expect(Object.keys(messages).sort()).toEqual(
      [
        ...serverFrameSchema.options.map(({ entries }) => entries.type.literal),
        ...clientFrameSchema.options.map(({ entries }) => `${entries.action.literal}Request`),
        "gatewayError",
      ].sort(),
    );
  });

  test("has every error code with its status, and whether to try again", () => {
    expect(parsed["x-error-codes"]).toEqual(
      Object.fromEntries(
        errorCodes.map((code) => [
          code,
          { status: statusOf[code], retryable: isRetryable(code), description: expect.any(String) },
        ]),
      ),
    );
  });

  test("has heartbeats, status, refresh and end answered by their frames", () => {
    const replies = Object.entries(
      parsed.operations as Record<string, { reply?: { messages: { $ref: string }[] } }>,
    )
      .filter(([name]) => name.startsWith("createSession"))
      .map(([name, { reply }]) => [name, reply?.messages[0]?.$ref.split("/").at(-1)]);
    expect(Object.fromEntries(replies)).toEqual({
      createSessionHeartbeat: "heartbeatAck",
      createSessionRefreshConnection: "connectionRefreshComplete",
      createSessionGetSessionStatus: "sessionStatus",
      createSessionEndSession: "sessionEnded",
      createSessionTell: undefined,
    });
  });

  test("lets a listener neither ask for the status nor end the session, nor see what is for speakers", () => {
    const names = Object.keys(parsed.channels.joinSession.messages);
    for (const name of ["getSessionStatusRequest", "endSessionRequest", "sessionStatus", "sessionCreated"]) {
      expect(names).not.toContain(name);
      expect(Object.keys(parsed.channels.createSession.messages)).toContain(name);
    }
  });
});

describe("every example is what it is an example of", () => {
  test.each(serverTypes)("%s", (type) => {
    const example = exampleOf(type);
    expect(v.parse(serverFrameSchema, example)).toEqual(example);
    expect(example.type).toBe(type);
  });

  test.each(Object.entries(clientFrames))("frame %s", (action, { example }) => {
    expect(v.parse(clientFrameSchema, example)).toEqual(example);
    expect(example.action).toBe(action);
  });

  test.each(handshakes.map((handshake) => [handshake.name, handshake] as const))(
    "%s",
    (_, { schema, example }) => {
      expect(v.parse(connectQuerySchema, example)).toMatchObject(example);
      expect(v.is(schema, example)).toBe(true);
    },
  );

  test.each(Object.keys(messages))("%s, by its JSON schema too", (name) => {
    const { payload, examples = [] } = messages[name] ?? {};
    const isPayload = new Ajv({ strict: false }).compile(payload ?? false);
    expect(examples).toHaveLength(1);
    for (const example of examples) {
      expect(isPayload(example.payload)).toBe(true);
      expect(isPayload({ ...(example.payload as object), type: 7, action: 7 })).toBe(false);
    }
  });

  test.each(Object.keys(parsed.channels))("the query of %s, by its JSON schema too", (name) => {
    const query = parsed.channels[name].bindings.ws.query;
    const isQuery = new Ajv({ strict: false }).compile(query);
    const { example = {} } = handshakes.find((handshake) => handshake.name === name) ?? {};
    expect(isQuery({ ...example, errors: "frame" })).toBe(true);
    expect(isQuery({ ...example, errors: "text" })).toBe(false);
    expect(isQuery({ ...example, action: "leave" })).toBe(false);
  });
});

test("an error's example says what the code says", () => {
  const { code, status, retryable } = v.parse(errorSchema, exampleOf("error"));
  expect([status, retryable]).toEqual([statusOf[code], isRetryable(code)]);
});

const errorSchema = v.object({ code: errorCodeSchema, status: v.number(), retryable: v.boolean() });
