import { UserError } from "../user-error.js";

/** True when an event passes a mapping's filters. */
export type Filter = (event: unknown) => boolean;

/** Judges the values at one path of an event: none when the path is missing. */
type Rule = (leaves: readonly unknown[]) => boolean;

/**
 * Reads filter patterns as Lambda takes them: an event passes when one of them matches; no pattern lets everything
 * through. `numeric` is left out: DynamoDB's numbers come as strings, so Lambda never matches them.
 * @throws {UserError} on a pattern that Lambda would refuse or that has other rules, naming the mapping
 */
export const compileFilters = (patterns: readonly string[], mappingId: string): Filter => {
  const filters = patterns.map((pattern) => {
    try {
      return compile(JSON.parse(pattern), []);
    } catch (error) {
      const cause = error instanceof Error ? error.message : error;
      throw new UserError(`Mapping ${mappingId}: the filter pattern ${pattern} is not valid: ${cause}.`);
    }
  });
  return (event) => filters.length === 0 || filters.some((filter) => filter(event));
};

const compile = (pattern: unknown, path: readonly string[]): Filter => {
  if (typeof pattern !== "object" || pattern === null || Array.isArray(pattern)) {
    throw new Error(`${path.join(".") || "it"} must be an object or a list of rules`);
  }
  const parts = Object.entries(pattern).map(([name, inner]): Filter => {
    if (name === "$or" && Array.isArray(inner)) {
      const choices = inner.map((choice) => compile(choice, path));
      return (event) => choices.some((choice) => choice(event));
    }
    const place = [...path, name];
    if (!Array.isArray(inner)) return compile(inner, place);
    const rules = inner.map(compileRule);
    return (event) => {
      const leaves = leavesAt(event, place);
      return rules.some((rule) => rule(leaves));
    };
  });
  return (event) => parts.every((part) => part(event));
};

/** The values at a path. An object there counts as missing, for every rule. A list stands for its members. */
const leavesAt = (value: unknown, path: readonly string[]): readonly unknown[] => {
  if (Array.isArray(value)) return value.flatMap((member) => leavesAt(member, path));
  const [name, ...rest] = path;
  if (typeof value !== "object" || value === null) return name === undefined ? [value] : [];
  return name !== undefined && Object.hasOwn(value, name) ? leavesAt(Reflect.get(value, name), rest) : [];
};

const compileRule = (rule: unknown): Rule => {
  if (rule === null || ["string", "number", "boolean"].includes(typeof rule)) {
    return (leaves) => leaves.includes(rule);
  }
  const [[operator, operand] = ["", undefined], ...more] = Object.entries(Object(rule));
  const build = operators[operator];
  if (!build || more.length > 0) throw new Error(`the local stack has no rule ${JSON.stringify(rule)}`);
  return build(operand);
};

const text = (operand: unknown, operator: string): string => {
  if (typeof operand === "string") return operand;
  throw new Error(`"${operator}" needs a string`);
};

const someText =
  (matches: (leaf: string) => boolean): Rule =>
  (leaves) =>
    leaves.some((leaf) => typeof leaf === "string" && matches(leaf));

const operators: Readonly<Record<string, (operand: unknown) => Rule>> = {
  exists(operand) {
    if (typeof operand !== "boolean") throw new Error('"exists" needs true or false');
    return (leaves) => leaves.length > 0 === operand;
  },
  prefix(operand) {
    const prefix = text(operand, "prefix");
    return someText((leaf) => leaf.startsWith(prefix));
  },
  suffix(operand) {
    const suffix = text(operand, "suffix");
    return someText((leaf) => leaf.endsWith(suffix));
  },
  "anything-but"(operand) {
    const unwanted: readonly unknown[] = Array.isArray(operand) ? operand : [operand];
    if (!unwanted.every((value) => typeof value === "string" || typeof value === "number")) {
      throw new Error('"anything-but" needs a string, a number, or a list of them');
    }
    const excluded = new Set<unknown>(unwanted);
    return (leaves) => leaves.some((leaf) => !excluded.has(leaf));
  },
};
