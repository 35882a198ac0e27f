import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { stageFunction } from "./stage-function.js";

/** Lambda's answer: a function's result, a function's error, or Lambda's own refusal. */
type Answer =
  | { readonly returns: unknown }
  | { readonly throws: unknown }
  /** Not JSON, so something else than Lambda answers. */
  | { readonly says: string; readonly status: number }
  | { readonly refuses: string; readonly status: number; readonly message?: string };

let answers: Answer[];
let seen: { url: string; body: unknown; authorization: string }[];
let server: http.Server;
let endpoint: URL;

beforeEach(async () => {
  seen = [];
  // The SDK's random backoff becomes none.
  vi.spyOn(Math, "random").mockReturnValue(0);
  server = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { url = "", headers } = request;
    seen.push({ url, body: JSON.parse(body), authorization: headers.authorization ?? "" });
    const [answer] = answers.length > 1 ? answers.splice(0, 1) : answers;
    if (answer === undefined) return response.destroy();
    if ("says" in answer) return response.writeHead(answer.status).end(answer.says);
    if ("refuses" in answer) {
      response.writeHead(answer.status, { "x-amzn-errortype": answer.refuses });
      return response.end(JSON.stringify({ message: answer.message ?? "no" }));
    }
    const failed = "throws" in answer;
    response.writeHead(200, failed ? { "x-amz-function-error": "Unhandled" } : {});
    return response.end(JSON.stringify(failed ? answer.throws : answer.returns));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  endpoint = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

afterEach(() => {
  vi.restoreAllMocks();
  server.closeAllConnections();
  server.close();
});

const stepped = {
  asked: 9,
  gone: 1,
  failed: 0,
  opening: 0,
  connectedBefore: 1_000,
  next: "TXzPWdnOjoECGjA=",
};

const take = async (at = endpoint) => {
  const { step, close } = await stageFunction({ stage: "prod", region: "eu-central-1", endpoint: at });
  try {
    return await step({ limit: 10, connectedBefore: undefined, after: undefined, url: undefined });
  } finally {
    close();
  }
};

test("a step is an invocation of the stage's function, signed for its region", async () => {
  answers = [{ returns: stepped }];
  expect(await take()).toEqual(stepped);
  expect(seen).toEqual([
    {
      url: "/2015-03-31/functions/session-drain-prod/invocations",
      body: { limit: 10 },
      authorization: expect.stringContaining("/eu-central-1/lambda/aws4_request"),
    },
  ]);
});

test("a step is retried after throttling and after a server's fault", async () => {
  answers = [
    { refuses: "TooManyRequestsException", status: 429 },
    { refuses: "ServiceException", status: 500 },
    { returns: stepped },
  ];
  expect(await take()).toEqual(stepped);
});

test.each([
  ["AccessDeniedException", 403, "may not invoke session-drain-prod: they need lambda:InvokeFunction"],
  ["ResourceNotFoundException", 404, "There is no function session-drain-prod at http://127.0.0.1:"],
  [
    "ExpiredTokenException",
    403,
    "AWS does not take these credentials (ExpiredTokenException): sign in again",
  ],
  ["UnrecognizedClientException", 403, "AWS does not take these credentials (UnrecognizedClientException)"],
  ["InvalidSignatureException", 403, "AWS does not take these credentials (InvalidSignatureException)"],
  ["TooManyRequestsException", 429, "Lambda has no room for session-drain-prod at the moment"],
  ["KMSAccessDeniedException", 502, "Lambda answered KMSAccessDeniedException"],
])("%s is explained in a sentence", async (refuses, status, sentence) => {
  answers = [{ refuses, status, message: "with x-amz-security-token:very-secret in it" }];
  const error = await take().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "UserError", message: expect.stringContaining(sentence) });
  expect(String(error)).not.toContain("very-secret");
});

test("a function whose role lacks a permission: the permission is named", async () => {
  const errorMessage =
    "User: arn:aws:sts::000000000000:assumed-role/r/f is not authorized to perform: dynamodb:Scan on resource: t";
  answers = [{ throws: { errorType: "AccessDeniedException", errorMessage, trace: [] } }];
  await expect(take()).rejects.toThrow(
    "session-drain-prod failed (its role lacks dynamodb:Scan): see docs/runbook.md#errors-drain, and drain again.",
  );
});

test("a function that fails otherwise: its own message is quoted", async () => {
  answers = [{ throws: { errorMessage: "2026-01-01T00:00:00Z Task timed out after 60.00 seconds" } }];
  await expect(take()).rejects.toThrow(
    "session-drain-prod failed (Error: 2026-01-01T00:00:00Z Task timed out",
  );
  answers = [{ throws: null }];
  await expect(take()).rejects.toThrow("session-drain-prod failed (Error: it gives no reason)");
});

test("an answer of another version is refused", async () => {
  answers = [{ returns: { ok: true } }];
  await expect(take()).rejects.toThrow("drain with the checkout that is deployed");
});

test.each([
  [200, "<html>hello</html>"],
  [404, "<html>Not Found</html>"],
  [405, ""],
])("an address where something else than Lambda answers, with %d and %j, is named", async (status, says) => {
  answers = [{ says, status }];
  await expect(take()).rejects.toThrow(
    /^What answers at http:\/\/127\.0\.0\.1:\d+ is not Lambda: correct --endpoint, or leave it out\.$/,
  );
});

test("an address where nobody listens is named", async () => {
  answers = [];
  await once(server.close(), "close");
  await expect(take()).rejects.toThrow(
    /^Nobody answers at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\): start a stack with npm start/,
  );
});
