export interface BuildError {
  /** Relative to the root; empty when the error has no place. */
  readonly file: string;
  /** 1-based, as is `column`; 0 when the error has no place. */
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** Functions that could not be bundled. Its message is one line for each error. */
export class BuildFailure extends Error {
  override readonly name = "BuildFailure";
  readonly errors: readonly BuildError[];

  constructor(errors: readonly BuildError[]) {
    super(
      errors
        .map(({ file, line, column, text }) => (line ? `${file}:${line}:${column}: ${text}` : text))
        .join("\n"),
    );
    this.errors = errors;
  }
}
