import { expect, test } from "vitest";
import { accessKeyOf, createAuthorize } from "./iam.js";

const table = "arn:aws:dynamodb:us-east-1:000000000000:table/Sessions-local";
const authorize = createAuthorize(
  new Map([
    [
      "KEY",
      {
        arn: "arn:aws:sts::000000000000:assumed-role/role/connect",
        statements: [
          {
            effect: "Allow",
            actions: ["dynamodb:PutItem", "dynamodb:Get*"],
            resources: [table, `${table}/index/*`],
          },
          { effect: "Deny", actions: ["dynamodb:GetRecords"], resources: ["*"] },
        ],
      },
    ],
  ]),
);
const asked = (action: string, resource = table) =>
  authorize({ accessKeyId: "KEY", action, resource }).allowed;

test("a role may do only the actions of its statements, on their resources", () => {
  expect(asked("dynamodb:PutItem")).toBe(true);
  expect(asked("dynamodb:getitem")).toBe(true);
  expect(asked("dynamodb:GetItem", `${table}/index/by-language`)).toBe(true);
  expect(asked("dynamodb:DeleteItem")).toBe(false);
  expect(asked("dynamodb:PutItem", `${table}2`)).toBe(false);
});

test("a deny wins over an allow", () => {
  expect(asked("dynamodb:GetRecords")).toBe(false);
});

test("an unknown key and an unsigned request count as the operator's and may do everything", () => {
  expect(authorize({ accessKeyId: "AKIAOPERATOR", action: "dynamodb:Scan", resource: table }).allowed).toBe(
    true,
  );
  expect(authorize({ accessKeyId: undefined, action: "dynamodb:Scan", resource: table }).allowed).toBe(true);
});

test("the access key is read from a SigV4 authorization header", () => {
  const header =
    "AWS4-HMAC-SHA256 Credential=KEY/20261123/us-east-1/dynamodb/aws4_request, SignedHeaders=host";
  expect(accessKeyOf(header)).toBe("KEY");
  expect(accessKeyOf(undefined)).toBeUndefined();
});
