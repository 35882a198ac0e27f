#!/usr/bin/env node
process.env.TZ = "UTC";
// What the SDK will ask of Node one day is not for who runs a command.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
const { register } = await import("tsx/esm/api");
register();
const { main } = await import("../src/main.ts");
await main(process.argv.slice(2));
