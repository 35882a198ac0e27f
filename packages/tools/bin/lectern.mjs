#!/usr/bin/env node
process.env.TZ = "UTC";
const { register } = await import("tsx/esm/api");
register();
const { main } = await import("../src/main.ts");
await main(process.argv.slice(2));
