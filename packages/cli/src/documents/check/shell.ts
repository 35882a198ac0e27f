/** One command of a shell line, its words without their quotes. */
export type Words = readonly string[];

/**
 * Takes a shell line apart as far as documents use it: quotes, `$(…)`, `>`, comments, and what joins commands. What runs within `$(…)` is
 * a command of its own; where it stands is its text.
 */
export const commandsIn = (line: string): Words[] => {
  const commands: string[][] = [];
  let words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  const endWord = () => {
    // Where the output goes is no argument.
    if (word !== undefined && words.at(-1) === ">") words.pop();
    else if (word !== undefined) words.push(word);
    word = undefined;
  };
  const endCommand = () => {
    endWord();
    if (words.length > 0) commands.push(words);
    words = [];
  };
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at);
    if (character === "$" && line.charAt(at + 1) === "(" && quote !== "'") {
      const end = closing(line, at + 1);
      commands.push(...commandsIn(line.slice(at + 2, end)).map((inner) => [...inner]));
      word = `${word ?? ""}${line.slice(at, end + 1)}`;
      at = end;
    } else if (quote !== undefined) {
      if (character === quote) quote = undefined;
      else word = `${word ?? ""}${character}`;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (/\s/.test(character)) endWord();
    else if (/[;|&]/.test(character)) endCommand();
    else if (character === "#" && word === undefined) break;
    else word = `${word ?? ""}${character}`;
  }
  endCommand();
  return commands;
};

const closing = (line: string, opening: number): number => {
  let depth = 0;
  for (let at = opening; at < line.length; at += 1) {
    if (line.charAt(at) === "(") depth += 1;
    if (line.charAt(at) === ")") depth -= 1;
    if (depth === 0) return at;
  }
  return line.length;
};
