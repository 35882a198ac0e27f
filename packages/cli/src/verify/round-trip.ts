import { reach } from "../target.js";

/** The way to an endpoint and back (ms): the shortest of three TCP handshakes; 0 where it cannot be measured. */
export const roundTrip = async (url: string): Promise<number> => {
  const times: number[] = [];
  for (let round = 1; round <= 3; round += 1) times.push(await reach(new URL(url)).catch(() => 0));
  return Math.min(...times);
};
