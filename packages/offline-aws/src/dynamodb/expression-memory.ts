/** One of dynalite's parsers (PEG.js): it turns the text of an expression into a tree. */
export interface Parser {
  parse: Parse;
}

export type Parse = (text: string, options: { readonly context: Context }) => unknown;

type Placeholders = Record<string, unknown>;

export interface Context {
  /** `#name` to an attribute's name. */
  readonly attrNames?: Placeholders;
  /** `:name` to a value in DynamoDB's JSON; the parser puts these very objects into its tree. */
  readonly attrVals?: Placeholders;
  /** The placeholders that no expression of the request has used yet. The parser deletes those that it meets. */
  readonly unusedAttrNames: Placeholders;
  readonly unusedAttrVals: Placeholders;
}

interface Remembered {
  readonly tree: unknown;
  /** Which placeholder each of the first request's values stands for. */
  readonly placeholders: ReadonlyMap<unknown, string>;
  readonly usedNames: readonly string[];
  readonly usedValues: readonly string[];
}

/** A program has some dozens of expressions; a client that writes values into them could make any number. */
const mostKept = 1_000;

/** With these the parser looks at the values themselves, and not only at their types. */
const readsValues = /between|attribute_type/i;

/**
 * Makes a parser remember its trees. A tree depends on the text, on the attribute names, and on the types of the values.
 * The values themselves are put in for each request, into a copy: dynalite writes into the trees that it is given.
 * An expression that is refused is parsed each time.
 */
export const rememberExpressions = (parse: Parse): Parse => {
  const kept = new Map<string, Remembered>();
  return (text, options) => {
    const { context } = options;
    if (readsValues.test(text)) return parse(text, options);
    const key = keyOf(text, context);
    const known = kept.get(key);
    if (known) {
      for (const name of known.usedNames) delete context.unusedAttrNames[name];
      for (const name of known.usedValues) delete context.unusedAttrVals[name];
      return copy(known.tree, (value) => {
        const name = known.placeholders.get(value);
        return name === undefined ? undefined : context.attrVals?.[name];
      });
    }
    // Other expressions of the request may have used some already, so the parser gets lists with all of them.
    const unusedAttrNames = { ...context.attrNames };
    const unusedAttrVals = { ...context.attrVals };
    const tree = parse(text, { ...options, context: { ...context, unusedAttrNames, unusedAttrVals } });
    const usedNames = Object.keys(context.attrNames ?? {}).filter((name) => !(name in unusedAttrNames));
    const usedValues = Object.keys(context.attrVals ?? {}).filter((name) => !(name in unusedAttrVals));
    for (const name of usedNames) delete context.unusedAttrNames[name];
    for (const name of usedValues) delete context.unusedAttrVals[name];
    // A string is the parser's refusal.
    if (typeof tree === "string") return tree;
    const placeholders = new Map(
      Object.entries(context.attrVals ?? {}).map(([name, value]) => [value, name]),
    );
    if (kept.size >= mostKept) kept.clear();
    kept.set(key, {
      tree: copy(tree, (value) => (placeholders.has(value) ? value : undefined)),
      placeholders,
      usedNames,
      usedValues,
    });
    return tree;
  };
};

const keyOf = (text: string, { attrNames = {}, attrVals = {} }: Context): string => {
  const types = Object.entries(attrVals).map(([name, value]) => `${name} ${Object.keys(Object(value))[0]}`);
  return JSON.stringify([text, attrNames, types]);
};

/** A deep copy; `replace` gives what stands in the copy for a value, or undefined to copy that too. */
const copy = (value: unknown, replace: (value: unknown) => unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  const replaced = replace(value);
  if (replaced !== undefined) return replaced;
  if (Array.isArray(value)) return value.map((member) => copy(member, replace));
  // Some of the parsers' objects have no prototype, so that an attribute may be called `constructor`.
  const copied: Placeholders = Object.create(Object.getPrototypeOf(value));
  for (const [name, inner] of Object.entries(value)) copied[name] = copy(inner, replace);
  return copied;
};
