import { expect, test } from "vitest";
import { commandsIn } from "./shell.js";

test.each<[string, string[][]]>([
  [
    "npm ci && npm start",
    [
      ["npm", "ci"],
      ["npm", "start"],
    ],
  ],
  ["a | b; c || d", [["a"], ["b"], ["c"], ["d"]]],
  [
    `npx wscat -c 'ws://x/prod?a=b&c=d' -s "two words"`,
    [["npx", "wscat", "-c", "ws://x/prod?a=b&c=d", "-s", "two words"]],
  ],
  ["a ''", [["a", ""]]],
  [
    'a "$(b -c "d e")" f',
    [
      ["b", "-c", "d e"],
      ["a", '$(b -c "d e")', "f"],
    ],
  ],
  ["a '$(b)'", [["a", "$(b)"]]],
  ["a --token <jwt> > file.json", [["a", "--token", "<jwt>"]]],
  ["a # b", [["a"]]],
  ["a#b", [["a#b"]]],
  ["# only a comment", []],
])("%s", (line, commands) => {
  expect(commandsIn(line)).toEqual(commands);
});
