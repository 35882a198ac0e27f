import { expect, test } from "vitest";
import { Trouble } from "../visitor.js";
import { Broken, createPromises } from "./promise.js";

test("a promise that is kept is recorded with what was seen", async () => {
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

test("trouble is a broken promise with its name", async () => {
  const { all, keep } = createPromises();
  const work = () => Promise.reject(new Trouble("silence", "es got no sessionJoined within 5 s"));
  await expect(keep("it comes", work)).rejects.toEqual(
    new Broken("it comes", "es got no sessionJoined within 5 s"),
  );
  expect(all).toMatchObject([{ promise: "it comes", kept: false }]);
});

test("a refused handshake is named by its status", async () => {
  const refused = (status: number) =>
    createPromises().keep("it opens", () =>
      Promise.reject(new Trouble(`${status}`, `late was refused with ${status}`)),
    );
  await expect(refused(503)).rejects.toThrow("Broken promise: it opens: late was refused with 503.");
  await expect(refused(401)).rejects.toThrow("refused with 401, since the token is not of its user pool");
});

test("another error is a bug, not a broken promise", async () => {
  const buggy = createPromises().keep("it opens", () => Promise.reject(new TypeError("no")));
  await expect(buggy).rejects.toThrow(TypeError);
});
