import { UserError } from "offline-aws";

export const markdownTable = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [
    row(header),
    `|${header.map(() => "---|").join("")}`,
    ...rows.map((cells) => row(cells.map((cell) => cell.replaceAll("|", "\\|")))),
  ].join("\n");

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** Inline code: `` `maxListenersPerSession` ``. */
export const code = (text: string): string => `\`${text}\``;

/** A fenced block. */
export const block = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\``;

const marked = /<!-- generated: ([\w-]+) -->\n(?:[\s\S]*?\n)?<!-- end: \1 -->/g;

/**
 * Replaces the text between `<!-- generated: name -->` and `<!-- end: name -->`. The rest is written by hand.
 * @throws {UserError} when the document and the sections do not name the same marks
 */
export const fillSections = (
  file: string,
  text: string,
  sections: Readonly<Record<string, string>>,
): string => {
  const found = new Set<string>();
  const filled = text.replace(marked, (_, name: string) => {
    const made = sections[name];
    if (made === undefined) throw new UserError(`${file} marks the section ${name}, which is not generated.`);
    found.add(name);
    return `<!-- generated: ${name} -->\n\n${made}\n\n<!-- end: ${name} -->`;
  });
  const missing = Object.keys(sections).filter((name) => !found.has(name));
  if (missing.length > 0) {
    throw new UserError(
      `${file} lacks the marks for ${missing.join(", ")}: <!-- generated: name --> and <!-- end: name -->, each on its own line.`,
    );
  }
  return filled;
};
