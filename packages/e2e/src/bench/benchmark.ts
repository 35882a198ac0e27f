import type { Scope } from "@lectern/cli/scope";

/** What a benchmark works with. */
export interface Bench {
  /** The folder of `sst.config.ts`. */
  readonly root: string;
  readonly scope: Scope;
  /** Says what takes a while, on standard error. */
  readonly say: (line: string) => void;
  /** How many times over; undefined: the benchmark's own number. */
  readonly rounds: number | undefined;
}

/** What a benchmark found. */
export interface Report {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** How it was measured, and what a reader should know. */
  readonly notes: readonly string[];
  /** A sentence for each budget that is exceeded. */
  readonly exceeded: readonly string[];
  /** The figures behind the rows, for `--json`. */
  readonly figures: unknown;
}

export interface Benchmark {
  readonly name: string;
  readonly summary: string;
  run(bench: Bench): Promise<Report>;
}
