export { StackClock } from "./clock.js";
export { type DynamoDb, startDynamoDb, type TableDefinition } from "./dynamodb/index.js";
export type { Plan } from "./plan.js";
export { plan, statementsOf } from "./plan.js";
export { type Observer, type Stack, type StackOptions, startStack } from "./stack.js";
export { type Graph, ofType, type Resource } from "./synth/graph.js";
export { synth } from "./synth/synth.js";
export { UserError } from "./user-error.js";
