export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** The document of an IAM policy. */
export interface Policy {
  readonly Version: "2012-10-17";
  readonly Statement: readonly Statement[];
}

export const policyOf = (...Statement: readonly Statement[]): Policy => ({
  Version: "2012-10-17",
  Statement,
});

export const allow = (
  Sid: string,
  Action: readonly string[],
  Resource: readonly string[],
  Condition?: Statement["Condition"],
): Statement => ({ Sid, Effect: "Allow", Action, Resource, ...(Condition ? { Condition } : {}) });

/** Actions of one service, with its prefix: `of("s3", "GetObject")` → `["s3:GetObject"]`. */
export const of = (service: string, ...actions: readonly string[]): readonly string[] =>
  actions.map((action) => `${service}:${action}`);

export const policyArn = (account: string, name: string): string => `arn:aws:iam::${account}:policy/${name}`;

/** The most characters of a managed policy. IAM does not count white space. */
const longest = 6_144;

/**
 * Splits a policy into as many as IAM needs for its length. Statements stay whole and in order.
 * IAM attaches ten policies to one role at most.
 */
export const inParts = ({ Statement }: Policy): readonly Policy[] => {
  const parts: Statement[][] = [[]];
  for (const statement of Statement) {
    const last = parts.at(-1) ?? [];
    if (lengthOf(policyOf(...last, statement)) <= longest) last.push(statement);
    else parts.push([statement]);
  }
  return parts.map((statements) => policyOf(...statements));
};

const lengthOf = (policy: Policy): number => JSON.stringify(policy).length;
