/** One statement of a role's policy, as `getPolicyDocument` takes it. */
export interface Statement {
  readonly effect?: "Allow" | "Deny";
  readonly actions: readonly string[];
  readonly resources: readonly string[];
}

/** Who signs with an access key: a function's role and what it may do. */
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

/** Unknown keys are the operator's own: all allowed. A known key may do what its role's statements say, no more. */
export const createAuthorize =
  (principals: ReadonlyMap<string, Principal>): Authorize =>
  ({ accessKeyId, action, resource }) => {
    const principal = accessKeyId === undefined ? undefined : principals.get(accessKeyId);
    if (!principal) return { allowed: true };
    const matching = principal.statements.filter(
      ({ actions, resources }) =>
        actions.some((pattern) => matches(pattern.toLowerCase(), action.toLowerCase())) &&
        resources.some((pattern) => matches(pattern, resource)),
    );
    if (matching.length > 0 && matching.every(({ effect }) => effect !== "Deny")) return { allowed: true };
    return {
      allowed: false,
      message: `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
    };
  };

/** The access key id of a SigV4 `Authorization` header; undefined when the request is unsigned. */
export const accessKeyOf = (authorization: string | undefined): string | undefined =>
  authorization?.match(/Credential=([^/,\s]+)\//)?.[1];

/** IAM's wildcards: `*` is any run of characters, `?` any one. */
const matches = (pattern: string, value: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
    "s",
  ).test(value);
