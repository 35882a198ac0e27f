/** A request's time, by any one clock. */
export interface Span {
  readonly startedAt: number;
  readonly endedAt: number;
}

/** How many spans the longest chain has in which each starts after the one before has ended. */
export const longestSequence = (spans: readonly Span[]): number => {
  const chains: { readonly endedAt: number; readonly length: number }[] = [];
  for (const { startedAt, endedAt } of [...spans].sort((a, b) => a.startedAt - b.startedAt)) {
    const before = chains.filter((chain) => chain.endedAt <= startedAt).map(({ length }) => length);
    chains.push({ endedAt, length: 1 + Math.max(0, ...before) });
  }
  return Math.max(0, ...chains.map(({ length }) => length));
};
