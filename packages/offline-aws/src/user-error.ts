/** An error that the user can mend. Its message names the cause and the cure; commands print it without a stack. */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** True for a system error of this code, such as `ENOENT`. */
export const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;

/** True for an error of this name, where its class is not exported. */
export const hasName = (error: unknown, name: string): error is Error =>
  error instanceof Error && error.name === name;
