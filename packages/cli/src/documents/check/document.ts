/** Something in a document that is not so. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

/** Text with the line that it begins on. */
export interface Placed {
  readonly text: string;
  readonly line: number;
}

/** A Markdown document, taken apart as far as the checks need it. */
export interface Document {
  /** From the project's folder: `docs/protocol.md`. */
  readonly path: string;
  readonly headings: readonly Placed[];
  /** Blocks between fences: `line` is that of the first line within. */
  readonly blocks: readonly (Placed & { readonly language: string })[];
  /** What stands between backticks. */
  readonly spans: readonly Placed[];
  readonly links: readonly Placed[];
  /** Lines outside fences. */
  readonly lines: readonly Placed[];
}

const fence = /^\s*```(\w*)\s*$/;

export const parseDocument = (path: string, text: string): Document => {
  const blocks: (Placed & { language: string })[] = [];
  const lines: Placed[] = [];
  let open: { language: string; line: number; content: string[] } | undefined;
  for (const [index, content] of text.split("\n").entries()) {
    const line = index + 1;
    const language = content.match(fence)?.[1];
    if (open && language === "") {
      blocks.push({ language: open.language, line: open.line, text: open.content.join("\n") });
      open = undefined;
    } else if (open) open.content.push(content);
    else if (language !== undefined) open = { language, line: line + 1, content: [] };
    else lines.push({ text: content, line });
  }
  const paragraphs = paragraphsOf(lines);
  return {
    path,
    blocks,
    lines,
    headings: lines.flatMap(({ text: content, line }) => {
      const heading = content.match(/^#{1,6} +(.+?) *$/)?.[1];
      return heading === undefined ? [] : [{ text: heading, line }];
    }),
    spans: paragraphs.flatMap((paragraph) => within(paragraph, span, 2)),
    links: paragraphs.flatMap((paragraph) => [
      ...within(withoutSpans(paragraph), inlineLink, 1),
      ...within(withoutSpans(paragraph), linkDefinition, 1),
    ]),
  };
};

const span = /(?<!`)(`+)(?!`)([\s\S]+?)(?<!`)\1(?!`)/g;
const inlineLink = /\]\(\s*([^)\s]+)(?:\s+"[^"]*")?\s*\)/g;
const linkDefinition = /^\[[^\]]+\]: +(\S+)/gm;

/** A span or a link may go over a line's end, but not over a blank line, and in a table not over a row. */
const paragraphsOf = (lines: readonly Placed[]): Placed[] => {
  const paragraphs: { text: string; line: number; last: number }[] = [];
  for (const { text, line } of lines) {
    const before = paragraphs.at(-1);
    const isAlone = text.trim() === "" || text.startsWith("|") || text.startsWith("#");
    if (before && !isAlone && before.last === line - 1 && !/^(\||#|\s*$)/.test(before.text)) {
      before.text += `\n${text}`;
      before.last = line;
    } else paragraphs.push({ text, line, last: line });
  }
  return paragraphs;
};

const withoutSpans = ({ text, line }: Placed): Placed => ({
  text: text.replace(span, (code) => code.replace(/[^\n]/g, " ")),
  line,
});

const within = ({ text, line }: Placed, pattern: RegExp, group: number): Placed[] =>
  [...text.matchAll(pattern)].map((match) => ({
    text: (match[group] ?? "").replace(/\s*\n\s*/g, " ").trim(),
    line: line + text.slice(0, match.index).split("\n").length - 1,
  }));

/** The anchors of a document's headings, as GitHub makes them. */
export const anchorsOf = ({ headings }: Document): ReadonlySet<string> => {
  const seen = new Map<string, number>();
  return new Set(
    headings.map(({ text }) => {
      const slug = text
        .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
        .toLowerCase()
        .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
        .replaceAll(" ", "-");
      const times = seen.get(slug) ?? 0;
      seen.set(slug, times + 1);
      return times === 0 ? slug : `${slug}-${times}`;
    }),
  );
};
