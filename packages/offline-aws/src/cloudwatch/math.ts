import jsep from "jsep";

/** One value per period, the oldest first; undefined where there is none. */
export type Series = readonly (number | undefined)[];

/** A parsed expression. Identifiers are other queries of the alarm, or words such as `REPEAT`. */
export type Expression = jsep.CoreExpression;

/** An expression that cannot be computed here; the message is a sentence for the alarm's owner. */
export class MathError extends Error {
  override readonly name = "MathError";
}

/** One number, or one per period. */
type Value = number | Series;

export interface MathContext {
  /** The series of a metric or of another expression. */
  readonly seriesOf: (id: string) => Series;
}

const supported =
  "The local stack's metric math has + - * /, comparisons, AND, OR, parentheses, IF, and FILL with a number.";

const unsupported = (part: string): MathError => new MathError(`${part} is not supported. ${supported}`);

// CloudWatch writes these beside && and ||, with the same precedence.
jsep.addBinaryOp("OR", 1);
jsep.addBinaryOp("AND", 2);

/** @throws {MathError} for text that is no expression */
export const parseMath = (source: string): Expression => {
  try {
    return core(jsep(source));
  } catch (error) {
    throw new MathError(`"${source}" cannot be read: ${error instanceof Error ? error.message : error}.`);
  }
};

/** jsep declares each part of an expression as any node; without plug-ins it makes only these. */
const core = (node: jsep.Expression | null): Expression => node as Expression;

/**
 * Computes an expression over the periods.
 * @throws {MathError} for what is not supported, and for a result that is a number
 */
export const evaluateMath = (expression: Expression, context: MathContext): Series => {
  const value = compute(expression, context);
  if (typeof value !== "number") return value;
  throw new MathError("An alarm watches one time series, and its expression does not yield one.");
};

const compute = (expression: Expression, context: MathContext): Value => {
  switch (expression.type) {
    case "Literal":
      if (typeof expression.value !== "number") throw unsupported(`The text ${expression.raw} there`);
      return expression.value;
    case "Identifier":
      // Ids of queries begin with a lower-case letter.
      if (!/^[a-z]/.test(expression.name)) throw unsupported(expression.name);
      return context.seriesOf(expression.name);
    case "ArrayExpression":
      throw unsupported("A list of time series");
    case "UnaryExpression":
      if (expression.operator !== "-") throw unsupported(expression.operator);
      return operate("-", 0, compute(core(expression.argument), context));
    case "BinaryExpression":
      return operate(
        expression.operator,
        compute(core(expression.left), context),
        compute(core(expression.right), context),
      );
    case "CallExpression": {
      const callee = core(expression.callee);
      const name = callee.type === "Identifier" ? callee.name : "A call of this kind";
      const run = functions[name];
      if (!run) throw unsupported(name);
      return run(expression.arguments.map((argument) => compute(core(argument), context)));
    }
    default:
      throw new MathError(`An alarm's expression is one expression of metric math. ${supported}`);
  }
};

const operators: Readonly<Record<string, (left: number, right: number) => number>> = {
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": (left, right) => left / right,
  "==": (left, right) => Number(left === right),
  "!=": (left, right) => Number(left !== right),
  "<": (left, right) => Number(left < right),
  ">": (left, right) => Number(left > right),
  "<=": (left, right) => Number(left <= right),
  ">=": (left, right) => Number(left >= right),
  "&&": (left, right) => Number(left !== 0 && right !== 0),
  "||": (left, right) => Number(left !== 0 || right !== 0),
};

const spelling: Readonly<Record<string, string>> = { AND: "&&", OR: "||" };

const operate = (operator: string, left: Value, right: Value): Value => {
  const apply = operators[spelling[operator] ?? operator];
  if (!apply) throw unsupported(operator);
  if (typeof left === "number" && typeof right === "number") return apply(left, right);
  return perPeriod([left, right], (at) => {
    const [one, other] = [valueAt(left, at), valueAt(right, at)];
    // Between two series a missing value counts as 0 where the other has one.
    if (one === undefined && (other === undefined || typeof right === "number")) return undefined;
    if (other === undefined && typeof left === "number") return undefined;
    return finite(apply(one ?? 0, other ?? 0));
  });
};

const valueAt = (value: Value | undefined, at: number): number | undefined =>
  typeof value === "object" ? value[at] : value;

const perPeriod = (values: readonly Value[], compute: (at: number) => number | undefined): Series =>
  (values.find((value) => typeof value === "object") ?? []).map((_, at) => compute(at));

/** The result of a division by 0 is dropped. */
const finite = (value: number): number | undefined => (Number.isFinite(value) ? value : undefined);

const functions: Readonly<Record<string, (args: readonly Value[]) => Value>> = {
  FILL: ([of, filler, ...others]) => {
    if (typeof of !== "object" || typeof filler !== "number" || others.length > 0)
      throw new MathError("Here FILL takes a time series and a number.");
    return of.map((value) => value ?? filler);
  },
  IF: (args) => {
    const [condition, then, otherwise] = args;
    if (condition === undefined || args.length < 2 || args.length > 3)
      throw new MathError(`IF has ${args.length} arguments where it takes 2 to 3.`);
    return perPeriod(args, (at) => {
      const holds = valueAt(condition, at);
      if (holds === undefined) return undefined;
      return holds === 0 ? valueAt(otherwise, at) : (valueAt(then, at) ?? 0);
    });
  },
};
