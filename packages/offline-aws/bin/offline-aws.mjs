#!/usr/bin/env node
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node ${process.versions.node} is too old: offline-aws needs Node 20.19 or later.`);
  process.exit(1);
}
// Lambda's time zone is UTC, and a worker thread has its process's.
process.env.TZ = "UTC";
// `offline-aws synth | head` closes the pipe early: that is no error.
process.stdout.on("error", (error) => {
  if (error.code !== "EPIPE") throw error;
});
const { register } = await import("tsx/esm/api");
register();
const { main } = await import("../src/cli/main.ts");
await main(process.argv.slice(2));
