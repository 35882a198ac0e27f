/** An error that the user can mend. Its message names the cause and the cure; commands print it without a stack. */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** True for a system error of this code, such as `ENOENT`. */
export const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;
