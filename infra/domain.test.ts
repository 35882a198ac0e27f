import { ofType } from "offline-aws";
import { expect, test } from "vitest";
import { graphOf, named, types } from "./testing.js";

test("a domain is mapped to the stage's own name, and callbacks still go to the API's own address", async () => {
  const graph = await graphOf("prod", { domain: "live.example.com" });
  expect(ofType(graph, "aws:apigatewayv2/domainName:DomainName").map(({ inputs }) => inputs)).toEqual([
    expect.objectContaining({
      domainName: "live.example.com",
      domainNameConfiguration: expect.objectContaining({
        endpointType: "REGIONAL",
        securityPolicy: "TLS_1_2",
      }),
    }),
  ]);
  expect(ofType(graph, "aws:apigatewayv2/apiMapping:ApiMapping").map(({ inputs }) => inputs.stage)).toEqual([
    "prod",
  ]);
  expect(graph.outputs.WebSocketAPIEndpoint).toBe("wss://live.example.com");
  const { inputs } = named(graph, types.lambda, "session-welcome-prod");
  expect(JSON.stringify(inputs.environment)).toMatch(
    /"API_GATEWAY_ENDPOINT":"https:\/\/\w+\.execute-api\.us-east-1\.amazonaws\.com\/prod"/,
  );
});
