#!/usr/bin/env node
await import("./prepare.mjs");
const { main } = await import("../src/cli/main.ts");
await main(process.argv.slice(2));
