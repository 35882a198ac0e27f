export type { Dependencies } from "./batch.js";
export type { FailureMessage } from "./failure-message.js";
export type { DiscardCondition, Mapping, MappingEvent } from "./mapping.js";
export { type RunningMapping, startMapping } from "./start-mapping.js";
