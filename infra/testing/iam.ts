import type { Policy } from "../iam/policy";

export const account = "000000000000";
export const region = "us-east-1";

export const arn = (service: string, resource: string): string =>
  `arn:aws:${service}:${region}:${account}:${resource}`;

export const gateway = (path: string): string => `arn:aws:apigateway:${region}::${path}`;

/** One call to AWS, with the condition keys that IAM sees. */
export interface Call {
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, string>>;
}

const matches = (pattern: string, value: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  ).test(value);

const operators: Record<string, (pattern: string, value: string) => boolean> = {
  StringEquals: (pattern, value) => pattern === value,
  StringLike: matches,
  ArnLike: matches,
  ArnEquals: matches,
  "ForAllValues:StringLike": matches,
};

/** Decides as IAM does: a statement allows the call, none denies it, and a missing key meets no condition. */
export const isAllowed = ({ Statement }: Policy, { action, resource, context }: Call): boolean => {
  const effects = Statement.filter(
    ({ Action, Resource, Condition = {} }) =>
      Action.some((pattern) => matches(pattern, action)) &&
      Resource.some((pattern) => matches(pattern, resource)) &&
      Object.entries(Condition).every(([operator, keys]) =>
        Object.entries(keys).every(([key, expected]) => {
          const value = context[key];
          const holds = operators[operator];
          if (!holds) throw new Error(`This test knows no operator ${operator}.`);
          return value !== undefined && [expected].flat().some((pattern) => holds(pattern, value));
        }),
      ),
  ).map(({ Effect }) => Effect);
  return effects.includes("Allow") && !effects.includes("Deny");
};

/** The calls that a policy does not allow. */
export const refused = (policy: Policy, calls: readonly Call[]) =>
  calls.filter((call) => !isAllowed(policy, call)).map(({ action, resource }) => `${action} on ${resource}`);
