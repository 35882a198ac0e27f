// Run an app: evaluate its program, and start the resources that it declares.

export { StackClock } from "./clock.js";
export type { Engine, Observer, Stack, StackOptions } from "./stack/stack.js";
export { startStack } from "./stack/start.js";
export { UserError } from "./user-error.js";

// Read an app: the resources that a deployment would declare, and those of them that run here.

export { statementsOf } from "./plan/function.js";
export { type Plan, plan } from "./plan/plan.js";
export { type Graph, ofType, type Resource } from "./synth/graph.js";
export { ensurePlatform } from "./synth/platform.js";
export { type SynthOptions, synth } from "./synth/synth.js";

// Parts for tests and benchmarks that need no whole stack.

export { type DynamoDb, startDynamoDb, type TableDefinition } from "./dynamodb/index.js";
export { accessKeyOf } from "./iam.js";
export { type Issuer, loadIssuer, type TokenRequest } from "./issuer.js";
export { bundleOptions } from "./lambda/function-definition.js";
export { sayIfSlow } from "./say-if-slow.js";
