import { GetCallerIdentityCommand, GetSessionTokenCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clientOptionsOf, type SmallStack, startSmallStack, whoAmI } from "./testing.js";

let small: SmallStack;

beforeAll(async () => {
  small = await startSmallStack({ who: { code: whoAmI } });
});

afterAll(() => small?.stop());

test("an operator's key belongs to the offline account", async () => {
  expect(await new STSClient(small.client).send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: "000000000000",
    Arn: "arn:aws:iam::000000000000:root",
  });
});

test("a function's key stands for its role", async () => {
  const client = new STSClient(await clientOptionsOf(small.stack, "who"));
  expect(await client.send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: "000000000000",
    Arn: "arn:aws:sts::000000000000:assumed-role/who-role/who",
  });
});

test("any other operation is refused", async () => {
  await expect(new STSClient(small.client).send(new GetSessionTokenCommand({}))).rejects.toMatchObject({
    name: "InvalidAction",
    message: "Could not find operation GetSessionToken for version 2011-06-15",
  });
});

test("without a signature nothing is answered", async () => {
  const form = { method: "POST", body: new URLSearchParams({ Action: "GetCallerIdentity" }) };
  expect((await fetch(`${small.client.endpoint}/`, form)).ok).toBe(false);
});
