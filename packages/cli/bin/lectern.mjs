#!/usr/bin/env node
process.env.TZ = "UTC";
// The SDK's warning about Node 20 is of no use to somebody who runs a command.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
const { register } = await import("tsx/esm/api");
register();
const { main } = await import("../src/main.ts");
await main(process.argv.slice(2));
