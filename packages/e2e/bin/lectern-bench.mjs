#!/usr/bin/env node
await import("offline-aws/prepare");
const { main } = await import("../src/bench/main.ts");
await main(process.argv.slice(2));
