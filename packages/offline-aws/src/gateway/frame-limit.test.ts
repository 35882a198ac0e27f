import { expect, test } from "vitest";
import { createFrameWatch } from "./frame-limit.js";

const FIN = 0x80;
const TEXT = 1;
const CONTINUATION = 0;
const PING = 9;

/** A masked client frame; `length` may be spelled longer than it needs. */
const frame = (first: number, payload: number, form: 7 | 16 | 64) => {
  const header = { 7: Buffer.alloc(2), 16: Buffer.alloc(4), 64: Buffer.alloc(10) }[form];
  header[0] = first;
  header[1] = 0x80 | (form === 7 ? payload : form === 16 ? 126 : 127);
  if (form === 16) header.writeUInt16BE(payload, 2);
  if (form === 64) header.writeBigUInt64BE(BigInt(payload), 2);
  return Buffer.concat([header, Buffer.alloc(4 + payload, 0xff)]);
};

/** How many messages came before the frame above the limit; undefined when there was none. */
const watch = (bytes: Buffer, chunkSize: number, limit = 200): number | undefined => {
  let exceededAfter: number | undefined;
  const look = createFrameWatch(limit, (messages) => {
    expect(exceededAfter).toBeUndefined();
    exceededAfter = messages;
  });
  for (let at = 0; at < bytes.length; at += chunkSize) look(bytes.subarray(at, at + chunkSize));
  return exceededAfter;
};

const chunkSizes = [1, 2, 3, 5, 7, 11, 13, 64, 1_000];

test.each(chunkSizes)("frames within the limit pass, in chunks of %i bytes", (chunkSize) => {
  const bytes = Buffer.concat([
    frame(FIN | TEXT, 0, 7),
    frame(FIN | TEXT, 125, 7),
    frame(TEXT, 200, 16),
    frame(FIN | PING, 10, 7),
    frame(CONTINUATION, 200, 64),
    frame(FIN | CONTINUATION, 200, 16),
  ]);
  expect(watch(bytes, chunkSize)).toBeUndefined();
});

test.each(chunkSizes)("a frame above the limit is found once, in chunks of %i bytes", (chunkSize) => {
  const before = [frame(FIN | TEXT, 5, 7), frame(TEXT, 150, 16), frame(FIN | CONTINUATION, 1, 7)];
  for (const form of [16, 64] as const) {
    const bytes = Buffer.concat([...before, frame(FIN | TEXT, 201, form), frame(FIN | TEXT, 201, form)]);
    expect(watch(bytes, chunkSize)).toBe(2);
  }
});

test("a frame is found by its header, before its payload has come", () => {
  expect(watch(frame(FIN | TEXT, 201, 16).subarray(0, 4), 4)).toBe(0);
  const huge = frame(FIN | TEXT, 0, 64);
  huge.writeBigUInt64BE(2n ** 62n, 2);
  expect(watch(huge, 10)).toBe(0);
});
