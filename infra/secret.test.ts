import { ofType } from "offline-aws";
import { expect, test } from "vitest";
import { graphOf } from "./testing";

const keepers = async (settings: Record<string, string> = {}) =>
  ofType(await graphOf("prod", settings), "random:index/randomPassword:RandomPassword").map(
    ({ inputs }) => inputs.keepers,
  );

test("the signing key is kept until its version is raised", async () => {
  expect(await keepers()).toEqual([undefined]);
  expect(await keepers({ signingKeyVersion: "2" })).toEqual([{ version: "2" }]);
});
