import type { Document, Finding, Placed } from "./document.js";
import type { World } from "./world.js";

/** What is there only after a deployment or a start. */
const madeLater = /^\.sst(\/|$)|^sst-env\.d\.ts$/;

/** What documents name that is not the project's. */
const others = new Set([
  "Sessions-prod-restored", // what an operator calls a restored table
  "WarmThroughput", // DynamoDB's
  "sessionStorage", // a browser's
  "amazon-cognito-identity-js",
  "eyJ", // how every token begins
]);

/**
 * Every name in a document that looks like one of the project's is one: paths, settings, fields, variables, error codes,
 * functions, tables, alarms.
 */
export const checkNames = (document: Document, world: World): Finding[] => {
  const found = [
    ...document.spans.flatMap((span) => wrongInSpan(span, world)),
    ...document.blocks.flatMap((block) => wrongInBlock(block, world)),
  ];
  return found.map((finding) => ({ path: document.path, ...finding }));
};

type Wrong = Pick<Finding, "line" | "what">;

const wrongInSpan = ({ text, line }: Placed, world: World): Wrong[] => {
  const wrong = (what: string): Wrong[] => [{ line, what }];
  if (isPath(text, world)) return exists(text, world) ? [] : wrong(`there is no file ${text}`);
  const resources = wrongResources(text, line, world);
  if (resources.length > 0) return resources;
  const [name = ""] = text.match(/^[\w-]+(?=(\?|\(\)|=.*)?$)/) ?? [];
  if (isIdentifier(name) && !isKnownName(name, world)) return wrong(`nothing here is called ${name}`);
  if (isHyphened(name) && !isKnownName(name, world)) return wrong(`nothing here is called ${name}`);
  if (/^[A-Z][A-Z\d]*(_[A-Z\d]+)*_\*$/.test(text)) {
    const prefix = text.slice(0, -1);
    return [...world.words].some((known) => known.startsWith(prefix))
      ? []
      : wrong(`nothing here is called ${text}`);
  }
  return [];
};

/** `maxListenersPerSession`, `CountDrift`, `SESSION_FULL`, `FORBIDDEN`. */
const isIdentifier = (name: string): boolean =>
  /^[a-z]+[a-z\d]*[A-Z]\w*$/.test(name) ||
  /^([A-Z][a-z\d]+){2,}$/.test(name) ||
  /^[A-Z][A-Z\d_]{3,}$/.test(name);

/** But not a stage, which anybody may name: `prod-west`. */
const isHyphened = (name: string): boolean =>
  /^[A-Za-z]+(-[A-Za-z\d]+)+$/.test(name) && !/^(prod|staging|pr)-/.test(name);

const isKnownName = (name: string, world: World): boolean =>
  [name, withoutStage(name)].some(
    (known) => others.has(known) || world.words.has(known) || world.names.has(known),
  );

/** A path from the project's folder, or a file's name alone. */
const isPath = (text: string, { files }: World): boolean => {
  if (madeLater.test(text) || /\s/.test(text)) return false;
  if (/^[\w./{},*@-]+\.(ts|mjs|json|html|md|ya?ml)$/.test(text)) return true;
  const [folder] = text.split("/");
  return text.includes("/") && [...files].some((file) => file.startsWith(`${folder}/`));
};

const exists = (text: string, { files }: World): boolean =>
  expanded(text.replace(/\/$/, "")).every((glob) => {
    const anywhere = glob.includes("/") ? "" : "(.*/)?";
    const pattern = new RegExp(`^${anywhere}${globAsPattern(glob)}(/.*)?$`);
    return [...files].some((file) => pattern.test(file));
  });

/** `fan-out/{own,sdk}.ts` → `fan-out/own.ts`, `fan-out/sdk.ts` */
const expanded = (glob: string): string[] => {
  const [, before = "", choices, after = ""] = glob.match(/^(.*?)\{([^}]*)\}(.*)$/) ?? [];
  return choices === undefined
    ? [glob]
    : choices.split(",").flatMap((choice) => expanded(`${before}${choice}${after}`));
};

/** `packages/*`, `docs/**` */
const globAsPattern = (glob: string): string =>
  glob.replace(/[.+^$()|[\]\\]/g, "\\$&").replace(/\*+/g, (stars) => (stars.length > 1 ? ".*" : "[^/]*"));

const resource =
  /(?<![\w/.-])(?:\/aws\/lambda\/)?((?:[Ss]essions?|Connections?|RateLimits?|lectern)-[\w<>*-]*[\w>*])(?!\.(ts|md|test)|\w)/g;

const wrongResources = (text: string, line: number, world: World): Wrong[] =>
  [...text.matchAll(resource)].flatMap((match) => {
    const [, name = ""] = match;
    const at = line + text.slice(0, match.index).split("\n").length - 1;
    return isMade(name, world) || isPattern(name, world)
      ? []
      : [{ line: at, what: `a deployment makes nothing called ${name}` }];
  });

/** On `prod`, or on another stage, or by a name that the program makes elsewhere. */
const isMade = (name: string, { names, words }: World): boolean =>
  [name, withoutStage(name)].some(
    (known) => others.has(known) || names.has(known) || (known.includes("-") && words.has(known)),
  );

/** `Sessions-<stage>`, `Sessions-prod` → `Sessions` */
const withoutStage = (name: string): string =>
  name.replace(/-(<\w+>|prod|staging|dev|local|pr-(\d+|<\w+>|\*|N))$/, "");

/** With a placeholder elsewhere. */
const isPattern = (name: string, { names, words }: World): boolean => {
  if (!/[<*]/.test(name)) return false;
  const pattern = new RegExp(`^${name.replace(/<[^>]*>|\*/g, "[\\w-]*")}$`);
  return [...names, ...words].some((known) => pattern.test(known));
};

const wrongInBlock = (
  { text, line, language }: Placed & { readonly language: string },
  world: World,
): Wrong[] => {
  if (["sh", "mermaid"].includes(language)) return wrongResources(text, line, world);
  if (language !== "ts") return [];
  // A setting of a stage: `prod: { isProtected: true }`.
  return text.split("\n").flatMap((content, index) =>
    [...content.replace(/"[^"]*"|\/\/.*$/g, "").matchAll(/(\w+):/g)]
      .map(([, key = ""]) => key)
      .filter((key) => !world.words.has(key))
      .map((key) => ({ line: line + index, what: `nothing here is called ${key}` })),
  );
};
