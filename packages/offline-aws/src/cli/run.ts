import path from "node:path";
import { UserError } from "../user-error.js";
import { type Command, describeCommand, parseCommandLine } from "./command.js";

/** A tool of several commands. */
export interface Tool {
  readonly summary: string;
  readonly commands: readonly Command[];
}

/** Runs one command line of a tool, in the project whose folder is the current one. */
export const runTool = async (tool: Tool, [name = "--help", ...args]: readonly string[]): Promise<void> => {
  try {
    const command = tool.commands.find((candidate) => candidate.name === name);
    if (!command) {
      if (["--help", "-h", "help"].includes(name)) return console.log(overview(tool));
      throw new UserError(`There is no command ${name}.\n\n${overview(tool)}`);
    }
    // npm runs a workspace's scripts in the folder that holds the lock file.
    const given = parseCommandLine(command, args, path.resolve(process.cwd()));
    if (given.flag("help")) return console.log(describeCommand(command));
    await command.run(given);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
};

const overview = ({ summary, commands }: Tool): string => {
  const width = Math.max(...commands.map(({ call }) => call.length));
  return [
    summary,
    "",
    ...commands.map((command) => `  ${command.call.padEnd(width)}  ${command.summary}`),
  ].join("\n");
};
