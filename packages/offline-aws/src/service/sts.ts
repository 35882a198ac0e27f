import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Principal } from "../iam.js";
import { accountId } from "../synth/cloud.js";
import type { Reply, Service } from "./http.js";

/**
 * STS's `GetCallerIdentity`, which needs no permission. The protocol is AWS's query protocol: a form in, XML out.
 * @param principals functions' roles by access key; any other key is an operator's
 */
export const stsService = (principals: ReadonlyMap<string, Pick<Principal, "arn">>): Service => ({
  name: "STS",
  operations: ["GetCallerIdentity"],
  find: (request) => {
    if (request.method !== "POST" || !isSignedForSts(request)) return undefined;
    return ({ body, accessKeyId = "" }) => {
      const form = new URLSearchParams(body.toString());
      const action = form.get("Action");
      if (action !== "GetCallerIdentity") return unknownAction(`${action}`, `${form.get("Version")}`);
      const arn = principals.get(accessKeyId)?.arn ?? `arn:aws:iam::${accountId}:root`;
      return xml(200, [
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">',
        `<GetCallerIdentityResult><Arn>${arn}</Arn><UserId>${accountId}</UserId><Account>${accountId}</Account></GetCallerIdentityResult>`,
        `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata>`,
        "</GetCallerIdentityResponse>",
      ]);
    };
  },
});

/** In the query protocol only the signature names the service. */
const isSignedForSts = ({ headers }: IncomingMessage): boolean =>
  /Credential=[^,\s]+\/sts\/aws4_request/.test(headers.authorization ?? "");

const unknownAction = (action: string, version: string): Reply =>
  xml(400, [
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">',
    `<Error><Type>Sender</Type><Code>InvalidAction</Code><Message>Could not find operation ${escaped(action)} for version ${escaped(version)}</Message></Error>`,
    `<RequestId>${randomUUID()}</RequestId>`,
    "</ErrorResponse>",
  ]);

const xml = (status: number, lines: readonly string[]): Reply => ({
  status,
  headers: { "content-type": "text/xml" },
  body: lines.join("\n"),
});

const escaped = (text: string): string => text.replace(/[<>&'"]/g, (char) => `&#${char.charCodeAt(0)};`);
