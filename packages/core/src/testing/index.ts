export { violations } from "./invariant.js";
export { inStep, Killed, longestSequence, type Process } from "./process.js";
export { frameOf, joinAtOnce, type Stage, useStage } from "./stage.js";
export * from "./values.js";
