import jsep from "jsep";

/** One value per period, the oldest first; undefined where there is none. */
export type Series = readonly (number | undefined)[];

/** A parsed expression. Identifiers are other queries of the alarm, or words such as `REPEAT`. */
export type Expression = jsep.CoreExpression;

/** An expression that cannot be computed here; the message is a sentence for the alarm's owner. */
export class MathError extends Error {
  override readonly name = "MathError";
}

/** A number, or time series: one, or a list of any length. */
type Value = number | { readonly series: readonly Series[]; readonly isList: boolean };

const one = (points: Series): Value => ({ series: [points], isList: false });

export interface MathContext {
  /** The number of periods in a series. */
  readonly length: number;
  /** The metrics among the queries, by id: the result of `METRICS()`. */
  readonly metrics: ReadonlyMap<string, Series>;
  /** The series of a metric or of another expression. */
  readonly seriesOf: (id: string) => Series;
}

const supported =
  "The local stack's metric math has + - * /, comparisons, AND, OR, parentheses, lists in [ ], IF, FILL with a number or REPEAT, MAX, MIN, SUM, AVG, ABS and METRICS().";

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
 * @throws {MathError} for what is not supported, and for a result that is not one series
 */
export const evaluateMath = (expression: Expression, context: MathContext): Series => {
  const value = compute(expression, context);
  const [only, ...others] = typeof value === "number" ? [] : value.series;
  if (only && others.length === 0) return only;
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
      return one(context.seriesOf(expression.name));
    case "ArrayExpression":
      return {
        series: expression.elements.flatMap((item) => seriesIn(compute(core(item), context))),
        isList: true,
      };
    case "UnaryExpression":
      if (expression.operator !== "-") throw unsupported(expression.operator);
      return map(compute(core(expression.argument), context), (value) => -value);
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
      return run(expression.arguments.map(core), context);
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
  if (typeof left === "number")
    return typeof right === "number" ? apply(left, right) : map(right, (value) => apply(left, value));
  if (typeof right === "number") return map(left, (value) => apply(value, right));
  if (left.isList && right.isList) throw unsupported("An operation between two lists");
  const series = left.series.flatMap((points) => right.series.map((other) => zip(points, other, apply)));
  return { series, isList: left.isList || right.isList };
};

/** A series without a value counts as 0 where the other has one. The result of a division by 0 is dropped. */
const zip = (left: Series, right: Series, apply: (left: number, right: number) => number): Series =>
  left.map((value, at) => {
    const other = right[at];
    return value === undefined && other === undefined ? undefined : finite(apply(value ?? 0, other ?? 0));
  });

const map = (value: Value, change: (value: number) => number): Value =>
  typeof value === "number"
    ? change(value)
    : eachSeries(value, (points) =>
        points.map((point) => (point === undefined ? undefined : finite(change(point)))),
      );

const eachSeries = (value: Value, change: (points: Series) => Series): Value =>
  typeof value === "number" ? value : { ...value, series: value.series.map(change) };

const finite = (value: number): number | undefined => (Number.isFinite(value) ? value : undefined);

const seriesIn = (value: Value): readonly Series[] => {
  if (typeof value === "number") throw unsupported("A number in a list of time series");
  return value.series;
};

type MathFunction = (args: readonly Expression[], context: MathContext) => Value;

/** Of a list: one value per period. Of one series: one number, over all periods of the evaluation. */
const aggregate =
  (reduce: (values: readonly number[], outOf: number) => number): MathFunction =>
  (args, context) => {
    const [value] = argumentsOf(args, context, 1, 1);
    if (typeof value === "number") return value;
    const reduced = (points: Series): number | undefined => {
      const present = points.filter((point) => point !== undefined);
      return present.length > 0 ? reduce(present, points.length) : undefined;
    };
    if (!value.isList) return reduced(value.series.flat()) ?? Number.NaN;
    return perPeriod(context, (at) => reduced(value.series.map((points) => points[at])));
  };

const perPeriod = ({ length }: MathContext, valueAt: (at: number) => number | undefined): Value =>
  one(Array.from({ length }, (_, at) => valueAt(at)));

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const functions: Readonly<Record<string, MathFunction>> = {
  MAX: aggregate((values) => Math.max(...values)),
  MIN: aggregate((values) => Math.min(...values)),
  SUM: aggregate(sum),
  // Missing values count as 0.
  AVG: aggregate((values, outOf) => sum(values) / outOf),
  ABS: (args, context) => map(argumentsOf(args, context, 1, 1)[0], Math.abs),
  METRICS: ([filter, ...others], { metrics }) => {
    const part = filter === undefined ? "" : filter.type === "Literal" && filter.value;
    if (others.length > 0 || typeof part !== "string") throw unsupported("METRICS with these arguments");
    const chosen = [...metrics].filter(([id]) => id.includes(part));
    return { series: chosen.map(([, points]) => points), isList: true };
  },
  FILL: (args, context) => {
    const [of, filler] = args;
    if (!of || !filler || args.length !== 2) throw new MathError("FILL takes a time series and its filler.");
    return eachSeries(compute(of, context), fillerOf(filler, context));
  },
  IF: (args, context) => {
    const [condition, then, otherwise] = argumentsOf(args, context, 2, 3);
    const at = (value: Value | undefined, period: number): number | undefined =>
      typeof value === "object" ? value.series[0]?.[period] : value;
    return perPeriod(context, (period) => {
      const holds = at(condition, period);
      if (holds === undefined) return undefined;
      return holds === 0 ? at(otherwise, period) : (at(then, period) ?? 0);
    });
  },
};

const fillerOf = (filler: Expression, context: MathContext): ((points: Series) => Series) => {
  if (filler.type === "Identifier" && filler.name === "REPEAT") return repeat;
  if (filler.type === "Identifier") throw unsupported(`FILL with ${filler.name}`);
  const value = compute(filler, context);
  if (typeof value !== "number") throw unsupported("FILL with a time series");
  return (points) => points.map((point) => point ?? value);
};

const repeat = (points: Series): Series => {
  let last: number | undefined;
  return points.map((point) => {
    last = point ?? last;
    return last;
  });
};

const argumentsOf = (
  args: readonly Expression[],
  context: MathContext,
  least: number,
  most: number,
): readonly [Value, ...Value[]] => {
  const [first, ...others] = args.map((argument) => compute(argument, context));
  if (!first || args.length < least || args.length > most)
    throw new MathError(`A function has ${args.length} arguments where it takes ${least} to ${most}.`);
  return [first, ...others];
};
