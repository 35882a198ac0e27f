import type { Authorize } from "../iam.js";

/** A refusal, in the form that AWS's clients read. */
export class ServiceError extends Error {
  override readonly name: string;
  readonly status: number;
  /** Further fields of the answer, beside name and message. */
  readonly fields: Readonly<Record<string, string>>;

  constructor(name: string, message: string, status = 400, fields: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = name;
    this.status = status;
    this.fields = fields;
  }
}

/**
 * Asks IAM. `status` is the service protocol's status of a refusal.
 * @throws {ServiceError} when the request is not signed, or the caller's role does not allow it
 */
export const demand = (
  authorize: Authorize,
  request: Parameters<Authorize>[0],
  status: number = 400,
): void => {
  if (request.accessKeyId === undefined)
    throw new ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token", status);
  const access = authorize(request);
  if (!access.allowed) throw new ServiceError("AccessDeniedException", access.message, status);
};
