/** Something that the person at the keyboard can mend: its message names the cause and the cure, and no stack is shown. */
export class UserError extends Error {
  override readonly name = "UserError";
}
