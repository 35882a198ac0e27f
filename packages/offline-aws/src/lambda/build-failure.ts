export interface BuildError {
  /** Relative to the root; empty when the error has no place. */
  readonly file: string;
  /** 1-based, as is `column`; 0 when the error has no place. */
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** `src/a.ts:3:7: Unexpected "="`, or the text alone if the error has no place. */
export const describeBuildError = ({ file, line, column, text }: BuildError): string =>
  line ? `${file}:${line}:${column}: ${text}` : text;

/** Some functions could not be bundled. The message has one line for each error. */
export class BuildFailure extends Error {
  override readonly name = "BuildFailure";
  readonly errors: readonly BuildError[];

  constructor(errors: readonly BuildError[]) {
    super(errors.map(describeBuildError).join("\n"));
    this.errors = errors;
  }
}
