export type { Mapping } from "./mapping.js";
export { type RunningMapping, startMapping } from "./start-mapping.js";
