import * as v from "valibot";

export const listed = <Item>(one: Item): Item[] => [one];

const oneOrMore = v.union([v.pipe(v.string(), v.transform(listed)), v.array(v.string())]);

/** One statement of a policy document. */
export const policyStatement = v.pipe(
  v.object({ Effect: v.picklist(["Allow", "Deny"]), Action: oneOrMore, Resource: oneOrMore }),
  v.transform(({ Effect, Action, Resource }) => ({ effect: Effect, actions: Action, resources: Resource })),
);

/** One statement of a role's policy. */
export interface Statement {
  readonly effect?: "Allow" | "Deny";
  readonly actions: readonly string[];
  readonly resources: readonly string[];
}

/** The holder of an access key: a function's role and its statements. */
export interface Principal {
  /** `arn:aws:sts::000000000000:assumed-role/<role>/<function>` */
  readonly arn: string;
  readonly statements: readonly Statement[];
}

/** Decides whether the caller may do `action` (`dynamodb:PutItem`) on `resource` (an ARN). */
export type Authorize = (request: {
  readonly accessKeyId: string | undefined;
  readonly action: string;
  readonly resource: string;
}) => Access;

export type Access = { readonly allowed: true } | { readonly allowed: false; readonly message: string };

/** A known key may do what its role's statements allow. Any other key is an operator's and may do everything. */
export const createAuthorize = (principals: ReadonlyMap<string, Principal>): Authorize => {
  // Patterns are compiled once: this runs on each request, and on each post of a fan-out.
  const roles = new Map(
    [...principals].map(([key, { arn, statements }]) => [key, { arn, rules: statements.map(compile) }]),
  );
  return ({ accessKeyId, action, resource }) => {
    const role = accessKeyId === undefined ? undefined : roles.get(accessKeyId);
    if (!role) return { allowed: true };
    const matching = role.rules.filter(
      ({ actions, resources }) =>
        actions.some((pattern) => pattern.test(action)) &&
        resources.some((pattern) => pattern.test(resource)),
    );
    if (matching.length > 0 && matching.every(({ denies }) => !denies)) return { allowed: true };
    return {
      allowed: false,
      message: `User: ${role.arn} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
    };
  };
};

/** Actions are case-insensitive, resources are not. */
const compile = ({ effect, actions, resources }: Statement) => ({
  denies: effect === "Deny",
  actions: actions.map((action) => compilePattern(action, "si")),
  resources: resources.map((resource) => compilePattern(resource, "s")),
});

/** The access key id in a SigV4 `Authorization` header; undefined for an unsigned request. */
export const accessKeyOf = (authorization: string | undefined): string | undefined =>
  authorization?.match(/Credential=([^/,\s]+)\//)?.[1];

/** IAM's wildcards: `*` is any run of characters, `?` is one. */
const compilePattern = (pattern: string, flags: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
    flags,
  );
