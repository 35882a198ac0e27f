import { validation } from "./error.js";
import type { Request } from "./store.js";

const options = {
  ReturnConsumedCapacity: ["INDEXES", "TOTAL", "NONE"],
  ReturnValuesOnConditionCheckFailure: ["ALL_OLD", "NONE"],
} as const;

/** Checks the options that the engine never sees, because the proxy answers them itself. */
export const checkOptions = (request: Request): void => {
  for (const [name, allowed] of Object.entries(options)) checkOption(request, name, allowed);
};

export const checkOption = (request: Request, name: string, allowed: readonly string[]): void => {
  const value = request[name];
  if (value === undefined || value === null || allowed.some((option) => option === value)) return;
  const field = name.charAt(0).toLowerCase() + name.slice(1);
  throw validation(
    `1 validation error detected: Value '${value}' at '${field}' failed to satisfy constraint: Member must satisfy enum value set: [${allowed.join(", ")}]`,
  );
};
