import {
  ApiGatewayManagementApiClient,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { runPoster } from "./poster.js";

const credentials = { accessKeyId: "bench", secretAccessKey: "bench", sessionToken: "bench" };

await runPoster((endpoint) => {
  const client = new ApiGatewayManagementApiClient({ endpoint, region: "us-east-1", credentials });
  return (ConnectionId, frame) =>
    client.send(new PostToConnectionCommand({ ConnectionId, Data: Buffer.from(JSON.stringify(frame)) }));
});
