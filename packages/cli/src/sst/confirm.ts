import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { UserError } from "offline-aws";

/** A terminal, or what stands in for it in scripts. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/**
 * Asks whoever sits at the terminal to type the stage's name.
 * @throws {UserError} when another text is typed, and in scripts, where nobody can answer
 */
export const confirm = async (
  question: string,
  stage: string,
  { input, output }: Terminal = { input: process.stdin, output: process.stdout },
): Promise<void> => {
  if (!input.isTTY || !output.isTTY) {
    throw new UserError(`${question} Add --yes if you mean it, or run the command on a terminal.`);
  }
  const terminal = createInterface({ input, output });
  // Ctrl-C and Ctrl-D close the terminal, and the question is never answered.
  const closed = once(terminal, "close").then(() => "");
  const answer = await Promise.race([terminal.question(`${question} Type ${stage} to go on: `), closed]);
  terminal.close();
  if (answer.trim() !== stage) throw new UserError("Nothing was done.");
};
