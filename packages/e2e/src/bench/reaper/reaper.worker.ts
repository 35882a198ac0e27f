import { handler } from "@lectern/functions/reaper";
import { cpuPerUnit } from "../cpu.js";

// Runs the reaper's function so many times, and prints each run's CPU time in microseconds.

const [rounds = ""] = process.argv.slice(2);
const endless = { getRemainingTimeInMillis: () => 3_600_000 };
let last: unknown;
const cpuUs = await cpuPerUnit(Number(rounds), 1, async () => {
  last = await handler(undefined, endless);
});
process.stdout.write(`${JSON.stringify({ cpuUs, last })}\n`);
process.exit(0);
