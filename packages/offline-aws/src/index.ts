// Run an app: evaluate its program, start what it declares.

// The command-line kit, which leaves this package.
export { type Command, type Given, helpOption, parseCommandLine, seeHelp } from "./cli/command.js";
export { localCommands } from "./cli/old-kit.js";
export { colorsFor, type Output } from "./cli/output.js";
export { runTool } from "./cli/run.js";
export { StackClock } from "./clock.js";
// The parts that tests and benchmarks use without a whole stack.
export { type DynamoDb, startDynamoDb, type TableDefinition } from "./dynamodb/index.js";
export { accessKeyOf } from "./iam.js";
export { type Issuer, loadIssuer, type TokenRequest } from "./issuer.js";
export { bundleOptions } from "./lambda/bundle-options.js";
export { statementsOf } from "./plan/function.js";
export { type Plan, plan } from "./plan/plan.js";
export { sayIfSlow } from "./say-if-slow.js";
export type { Engine, Observer, Stack, StackOptions } from "./stack/stack.js";
export { startStack } from "./stack/start.js";
export { type Graph, ofType, type Resource } from "./synth/graph.js";
export { ensurePlatform } from "./synth/platform.js";
// Read an app: its resources, as a deployment would declare them, and what of them can run here.
export { type SynthOptions, synth } from "./synth/synth.js";
export { UserError } from "./user-error.js";
