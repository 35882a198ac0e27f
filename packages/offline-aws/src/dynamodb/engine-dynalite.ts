import { EventEmitter } from "node:events";
import dynalite from "dynalite";
import { type Engine, type EngineAnswer, engineHeaders } from "./engine.js";

/**
 * dynalite in this process and in memory. Its server is never made to listen: requests are handed to it as objects,
 * which spares each one a second trip through a socket.
 */
export const startDynalite = async (): Promise<Engine> => {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0 });
  return {
    countsMissingInBatch: true,
    send: (operation, body) =>
      new Promise<EngineAnswer>((resolve) => {
        const request = Object.assign(new EventEmitter(), {
          method: "POST",
          url: "/",
          headers: { ...engineHeaders, "x-amz-target": `DynamoDB_20120810.${operation}` },
        });
        const response = {
          statusCode: 200,
          setHeader: () => undefined,
          end: (answer: string) => resolve({ status: response.statusCode, body: answer }),
        };
        server.emit("request", request, response);
        request.emit("data", Buffer.from(body));
        request.emit("end");
      }),
    close: async () => undefined,
  };
};
