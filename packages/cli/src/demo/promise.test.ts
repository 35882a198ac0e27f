import { expect, test } from "vitest";
import { Refused } from "../client.js";
import { Broken, createPromises, Unexpected } from "./promise.js";

test("a promise that is kept is written down with what was seen", async () => {
  const { all, keep } = createPromises();
  expect(
    await keep(
      "two is two",
      async () => 2,
      (result) => `${result}`,
    ),
  ).toBe(2);
  expect(all).toEqual([{ promise: "two is two", kept: true, tookMs: expect.any(Number), seen: "2" }]);
});

test("what goes wrong is a broken promise with its name", async () => {
  const { all, keep } = createPromises();
  const work = () => Promise.reject(new Unexpected("es got no sessionJoined within 5 s"));
  await expect(keep("it comes", work)).rejects.toEqual(
    new Broken("it comes", "es got no sessionJoined within 5 s"),
  );
  expect(all).toMatchObject([{ promise: "it comes", kept: false }]);
});

test("a refused handshake is named by its status", async () => {
  const refused = createPromises().keep("it opens", () => Promise.reject(new Refused(503)));
  await expect(refused).rejects.toThrow("Broken promise: it opens: the handshake was refused with 503.");
});
