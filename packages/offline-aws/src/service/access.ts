import type { Authorize } from "../iam.js";
import { ServiceError } from "./error.js";

/** Asks IAM, and refuses whoever may not, or has not signed. `status` is what the service's protocol gives a refusal. */
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
