import { expect, test } from "vitest";
import { fillSections } from "./markdown.js";

const page = `# Page

<!-- generated: a -->
old
<!-- end: a -->

By hand.

<!-- generated: b-c -->
<!-- end: b-c -->
`;

const sections = { a: "new, with $& in it", "b-c": "b" };

test("what stands between a section's marks is replaced, and nothing else", () => {
  const filled = fillSections("page.md", page, sections);
  expect(filled).toBe(`# Page

<!-- generated: a -->

new, with $& in it

<!-- end: a -->

By hand.

<!-- generated: b-c -->

b

<!-- end: b-c -->
`);
  expect(fillSections("page.md", filled, sections)).toBe(filled);
});

test("marks for a section that is not made are refused", () => {
  expect(() => fillSections("page.md", page, { a: "" })).toThrow(
    "page.md marks the section b-c, which is not generated.",
  );
});

test("a section without marks is refused", () => {
  expect(() => fillSections("page.md", page, { ...sections, c: "" })).toThrow(
    /^page\.md lacks the marks for c: /,
  );
  const unended = page.replace("<!-- end: a -->", "");
  expect(() => fillSections("page.md", unended, sections)).toThrow(/^page\.md lacks the marks for a: /);
});
