import { ensurePlatform } from "./packages/offline-aws/src/synth/platform.js";

/** Fetches SST's platform once, before the first test would; test files run side by side. */
export const setup = () => ensurePlatform(import.meta.dirname, (line) => console.error(line));
