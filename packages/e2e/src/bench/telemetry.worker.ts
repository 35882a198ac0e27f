import net from "node:net";
import { instrumented } from "@lectern/functions/invocation";
import { cpuPerUnit } from "./cpu.js";

let connections = 0;
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (this: net.Socket, ...args: Parameters<typeof connect>) {
  connections += 1;
  return connect.apply(this, args);
} as typeof connect;

const [invocations = 0, rounds = 0] = process.argv.slice(2).map(Number);

const fields = { connection: "a".repeat(43), requestId: "TXzPWdnOjoECGjA=", address: "b".repeat(43) };

/** A join without its work: one log line and one latency. */
const logged = () =>
  instrumented(
    { operation: "connect", fields, latency: { metric: "ListenerJoinLatency", since: Date.now() - 12 } },
    async () => undefined,
  );

const cpuUs = await cpuPerUnit(rounds, invocations, async () => {
  for (let index = 0; index < invocations; index += 1) await logged();
});
process.stdout.write(`${JSON.stringify({ cpuUs, connections })}\n`);
