import { checkCommands } from "./command.js";
import { checkDiagrams } from "./diagram.js";
import { type Finding, parseDocument } from "./document.js";
import { checkForm } from "./form.js";
import { checkLinks } from "./link.js";
import { checkNames } from "./name.js";
import type { World } from "./world.js";

/** Everything in these documents (text by path) that is not so, by file and line. */
export const check = (texts: Readonly<Record<string, string>>, world: World): Finding[] => {
  const documents = Object.entries(texts).map(([path, text]) => parseDocument(path, text));
  const byPath = new Map(documents.map((document) => [document.path, document]));
  return documents.flatMap((document) =>
    [
      ...checkCommands(document, world),
      ...checkLinks(document, byPath, world),
      ...checkNames(document, world),
      ...checkDiagrams(document),
      ...checkForm(document),
    ].sort((a, b) => a.line - b.line),
  );
};

/** `docs/protocol.md:12: there is no setting maxListener` */
export const asText = ({ path, line, what }: Finding): string => `${path}:${line}: ${what}`;
