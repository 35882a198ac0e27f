/** A table in Markdown. */
export const markdownTable = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [
    row(header),
    `|${header.map(() => "---|").join("")}`,
    ...rows.map((cells) => row(cells.map((cell) => cell.replaceAll("|", "\\|")))),
  ].join("\n");

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** Something that is written as code: `` `maxListenersPerSession` ``. */
export const code = (text: string): string => `\`${text}\``;

/** A block of code. */
export const block = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\``;
