import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/**/*.test.ts", "infra/**/*.test.ts"],
    globalSetup: "./vitest.setup.ts",
    // Lambda's clock is UTC; the SDK's warning about Node 20 would drown what a test says.
    env: { TZ: "UTC", AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
    // By default one core is left idle, which of two is half; and most tests wait for sockets rather than compute.
    maxWorkers: "100%",
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
});
