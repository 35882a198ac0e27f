import path from "node:path";
import { anchorsOf, type Document, type Finding } from "./document.js";
import type { World } from "./world.js";

/** Every link within the project leads somewhere: its file exists, and its anchor is a heading there. */
export const checkLinks = (
  document: Document,
  documents: ReadonlyMap<string, Document>,
  { files }: World,
): Finding[] =>
  document.links.flatMap(({ text, line }) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return [];
    const [target = "", anchor] = text.split("#");
    const file =
      target === "" ? document.path : path.posix.join(path.posix.dirname(document.path), decodeURI(target));
    const found = (what: string): Finding[] => [{ path: document.path, line, what }];
    const isFolder = [...files].some((known) => known.startsWith(`${file.replace(/\/$/, "")}/`));
    if (!files.has(file) && !documents.has(file) && !isFolder) {
      return found(`the link leads to ${file}, which does not exist`);
    }
    if (anchor === undefined) return [];
    const there = documents.get(file);
    if (there && !anchorsOf(there).has(anchor)) return found(`${file} has no heading #${anchor}`);
    return [];
  });
