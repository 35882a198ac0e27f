import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const seconds = 1_000;

/**
 * Four kinds of tests, by what they need:
 * - `unit` (`*.test.ts`): no platform, no child process, no socket but the embedded DynamoDB's;
 * - `infra`: the evaluated infrastructure program;
 * - `e2e` (`*.e2e.test.ts`, and all of packages/e2e): a running stack, a browser, a command's real process;
 * - `soak` (`*.soak.test.ts`): surges and long runs.
 *
 * The kinds run one after the other (`groupOrder`): a worker is shared only between files of one project in a row.
 */
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          // One evaluation of the AWS SDK and of dynalite serves all files of a worker. So no file may leave state behind.
          isolate: false,
          include: ["packages/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/*.{e2e,soak}.test.ts", "packages/e2e/**"],
          testTimeout: 20 * seconds,
          hookTimeout: 20 * seconds,
        },
      },
      {
        extends: true,
        test: {
          name: "infra",
          isolate: false,
          sequence: { groupOrder: 1 },
          include: ["infra/**/*.test.ts"],
          globalSetup: "./vitest.setup.ts",
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          // One load of the SDK, and one build of the functions, serves all files of a worker.
          isolate: false,
          sequence: { groupOrder: 2 },
          // These tests wait for sockets and processes more than they compute.
          maxWorkers: Math.ceil(1.5 * availableParallelism()),
          include: ["packages/**/*.e2e.test.ts", "packages/e2e/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/*.soak.test.ts"],
          globalSetup: "./vitest.setup.ts",
        },
      },
      {
        extends: true,
        test: {
          name: "soak",
          sequence: { groupOrder: 3 },
          include: ["packages/**/*.soak.test.ts"],
          globalSetup: "./vitest.setup.ts",
          testTimeout: 1_200 * seconds,
        },
      },
    ],
    env: {
      // Lambda's clock is UTC.
      TZ: "UTC",
      // The SDK's warning about Node 20 would hide what a test prints.
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
      // A deployer's own settings change nothing of what the project promises.
      LECTERN_PROJECT_ONLY: "true",
    },
    // By default vitest leaves one core idle, half of two.
    maxWorkers: "100%",
    // Only a test that hangs meets these: a busy machine may take many times as long as a quiet one.
    testTimeout: 180 * seconds,
    hookTimeout: 180 * seconds,
    expect: { poll: { timeout: 60 * seconds } },
  },
});
