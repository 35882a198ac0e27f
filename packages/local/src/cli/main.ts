import path from "node:path";
import { UserError } from "../user-error.js";
import { type Command, describeCommand, parseCommandLine } from "./command.js";
import { platform } from "./platform.js";
import { start } from "./start.js";
import { synth } from "./synth.js";
import { token } from "./token.js";

const commands: readonly Command[] = [start, token, synth, platform];

/** Runs one command line of the tool, in the project whose folder is the current one. */
export const main = async ([name = "--help", ...args]: readonly string[]): Promise<void> => {
  try {
    const command = commands.find((candidate) => candidate.name === name);
    if (!command) {
      if (["--help", "-h", "help"].includes(name)) return console.log(overview());
      throw new UserError(`There is no command ${name}.\n\n${overview()}`);
    }
    // npm runs a workspace's scripts in the folder that holds the lock file.
    const root = path.resolve(process.cwd());
    const given = parseCommandLine(command, args, root);
    if (given.flag("help")) return console.log(describeCommand(command));
    await command.run(given);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
};

const overview = (): string => {
  const width = Math.max(...commands.map(({ call }) => call.length));
  return [
    "Runs an SST application's real infrastructure program on this machine.",
    "",
    ...commands.map(({ call, summary }) => `  ${call.padEnd(width)}  ${summary}`),
  ].join("\n");
};
