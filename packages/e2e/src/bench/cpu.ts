/** The CPU time per unit of work (µs), for each round of so many units. */
export const cpuPerUnit = async (
  rounds: number,
  units: number,
  round: () => Promise<unknown>,
): Promise<number[]> => {
  const times: number[] = [];
  for (let index = 0; index < rounds; index += 1) {
    const before = process.cpuUsage();
    await round();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / units);
  }
  return times;
};
