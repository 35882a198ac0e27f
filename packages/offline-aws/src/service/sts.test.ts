import { GetCallerIdentityCommand, GetSessionTokenCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clientOptionsOf, type SmallStack, startSmallStack, whoAmI } from "./testing.js";

let small: SmallStack;

beforeAll(async () => {
  small = await startSmallStack({ who: { code: whoAmI } });
});

afterAll(() => small?.stop());

test("an operator's keys are of the account that everything here is in", async () => {
  expect(await new STSClient(small.client).send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: "000000000000",
    Arn: "arn:aws:iam::000000000000:root",
  });
});

test("a function's key is its role's", async () => {
  const client = new STSClient(await clientOptionsOf(small.stack, "who"));
  expect(await client.send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: "000000000000",
    Arn: "arn:aws:sts::000000000000:assumed-role/who-role/who",
  });
});

test("any other operation is none", async () => {
  await expect(new STSClient(small.client).send(new GetSessionTokenCommand({}))).rejects.toMatchObject({
    name: "InvalidAction",
    message: "Could not find operation GetSessionToken for version 2011-06-15",
  });
});

test("without a signature nothing is answered", async () => {
  const form = { method: "POST", body: new URLSearchParams({ Action: "GetCallerIdentity" }) };
  expect((await fetch(`${small.client.endpoint}/`, form)).ok).toBe(false);
});
