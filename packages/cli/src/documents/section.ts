import { UserError } from "offline-aws";

/** What is made of each section that a document marks for it, by the section's name. */
export type Sections = Readonly<Record<string, string>>;

const marked = /<!-- generated: ([\w./-]+) -->\n(?:[\s\S]*?\n)?<!-- end: \1 -->/g;

/**
 * Replaces what stands between `<!-- generated: name -->` and `<!-- end: name -->`; the rest is written by hand.
 * @throws {UserError} for a section that is marked and not made, or made and not marked
 */
export const fillSections = (file: string, text: string, sections: Sections): string => {
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
      `${file} lacks the marks for ${missing.join(", ")}: <!-- generated: name --> and <!-- end: name -->, each on a line.`,
    );
  }
  return filled;
};
