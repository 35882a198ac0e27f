/**
 * An address from the block for benchmarks (RFC 2544), which the local gateway believes and API Gateway does not: what is
 * run again and again does not meet its own limits.
 */
export const benchmarkAddress = (): string => {
  const byte = () => Math.floor(Math.random() * 256);
  return `198.${18 + (byte() & 1)}.${byte()}.${byte()}`;
};
