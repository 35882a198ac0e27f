import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/**/*.test.ts", "infra/**/*.test.ts"],
    globalSetup: "./vitest.setup.ts",
    env: {
      // Lambda's clock is UTC.
      TZ: "UTC",
      // The SDK's warning about Node 20 would drown what a test says.
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
      // What somebody has set for a deployment of their own changes nothing of what the project promises.
      LECTERN_PROJECT_ONLY: "true",
    },
    // By default one core is left idle, which of two is half; and most tests wait for sockets rather than compute.
    maxWorkers: "100%",
    // Only what hangs meets these: on a machine that others use too, a test may take many times as long as alone.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
