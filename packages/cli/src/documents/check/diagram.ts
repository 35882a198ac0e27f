import type { Document, Finding } from "./document.js";

/** Each kind of diagram, with the lines that it may consist of. */
const grammars: Readonly<Record<string, readonly RegExp[]>> = {
  sequenceDiagram: [
    /^(participant|actor) \w+( as .+)?$/,
    /^\w+(<<)?(--?>>?|--?x|--?\))\+?-?\w+: .+$/,
    /^(loop|alt|else|opt|par|and|critical|option|break|rect)( .+)?$/,
    /^[Nn]ote (over|left of|right of) \w+(,\w+)?: .+$/,
    /^end$/,
  ],
  flowchart: [/^subgraph .+$/, /^end$/, /^direction (LR|RL|TB|BT)$/, /^[\w([{].*$/],
  stateDiagram: [/^(\[\*\]|\w+) --> (\[\*\]|\w+)(: .+)?$/, /^state .+$/, /^\}$/],
};

const opening = /^(loop|alt|opt|par|critical|break|rect|subgraph)\b/;

/** Every diagram begins as one, consists of its kind's lines, and closes what it opens. */
export const checkDiagrams = ({ path, blocks }: Document): Finding[] =>
  blocks
    .filter(({ language }) => language === "mermaid")
    .flatMap(({ text, line }) => {
      const lines = text.split("\n").map((content, index) => ({ text: content.trim(), line: line + index }));
      const [first, ...rest] = lines.filter(
        (content) => content.text !== "" && !content.text.startsWith("%%"),
      );
      const kind = first?.text.match(
        /^(sequenceDiagram|flowchart|stateDiagram)(-v2)?( (LR|RL|TB|TD|BT))?$/,
      )?.[1];
      const grammar = kind && grammars[kind];
      if (!grammar) return [{ path, line, what: `${first?.text} begins no diagram that is used here` }];
      const strange = rest.filter(
        (content) =>
          !grammar.some((form) => form.test(content.text)) ||
          (kind === "flowchart" && !isBalanced(content.text)),
      );
      const open = rest.filter((content) => opening.test(content.text)).length;
      const closed = rest.filter((content) => content.text === "end").length;
      return [
        ...strange.map((content) => ({
          path,
          line: content.line,
          what: `a ${kind} has no line such as ${content.text}`,
        })),
        ...(kind !== "stateDiagram" && open !== closed
          ? [{ path, line, what: `the diagram opens ${open} blocks and ends ${closed}` }]
          : []),
      ];
    });

const pairs: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

/** Brackets and quotes come in pairs. */
const isBalanced = (text: string): boolean => {
  const open: string[] = [];
  const bare = text.replace(/"[^"]*"/g, "");
  for (const character of bare) {
    if ("([{".includes(character)) open.push(character);
    const opener = pairs[character];
    if (opener !== undefined && open.pop() !== opener) return false;
  }
  return open.length === 0 && !bare.includes('"');
};
