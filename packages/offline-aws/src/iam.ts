/** One statement of a role's policy, as `getPolicyDocument` takes it. */
export interface Statement {
  readonly effect?: "Allow" | "Deny";
  readonly actions: readonly string[];
  readonly resources: readonly string[];
}

/** The owner of an access key: a function's role, and what the role may do. */
export interface Principal {
  /** `arn:aws:sts::000000000000:assumed-role/<role>/<function>` */
  readonly arn: string;
  readonly statements: readonly Statement[];
}

/** Asks whether the caller may do `action` (`dynamodb:PutItem`) on `resource` (an ARN). */
export type Authorize = (request: {
  readonly accessKeyId: string | undefined;
  readonly action: string;
  readonly resource: string;
}) => Access;

export type Access = { readonly allowed: true } | { readonly allowed: false; readonly message: string };

/** An unknown key is the operator's and may do everything. A known key may do only what its role's statements allow. */
export const createAuthorize = (principals: ReadonlyMap<string, Principal>): Authorize => {
  // Asked for each request and each post of a fan-out, so the patterns are compiled once.
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

/** Actions ignore case, resources do not. */
const compile = ({ effect, actions, resources }: Statement) => ({
  denies: effect === "Deny",
  actions: actions.map((action) => compilePattern(action, "si")),
  resources: resources.map((resource) => compilePattern(resource, "s")),
});

/** The access key id of a SigV4 `Authorization` header; undefined when the request is unsigned. */
export const accessKeyOf = (authorization: string | undefined): string | undefined =>
  authorization?.match(/Credential=([^/,\s]+)\//)?.[1];

/** IAM's wildcards: `*` is any run of characters, `?` any one. */
const compilePattern = (pattern: string, flags: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
    flags,
  );
