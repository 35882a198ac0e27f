const service = "com.amazonaws.dynamodb.v20120810";
const coral = "com.amazon.coral.service";

/** The namespace that AWS puts before each error's name; clients read what follows the `#`. */
const namespaces: Readonly<Record<string, string>> = {
  AccessDeniedException: coral,
  MissingAuthenticationTokenException: coral,
  SerializationException: coral,
  ThrottlingException: "com.amazon.coral.availability",
  UnknownOperationException: coral,
  ValidationException: "com.amazon.coral.validate",
};

/** A refusal, in DynamoDB's own form. */
export class DynamoDbError extends Error {
  override readonly name: string;
  readonly status: number;

  constructor(name: string, message: string, status = 400) {
    super(message);
    this.name = name;
    this.status = status;
  }

  get body(): string {
    // AWS's front end writes `Message` where the service itself writes `message`.
    const key = this.name === "AccessDeniedException" ? "Message" : "message";
    return JSON.stringify({
      __type: `${namespaces[this.name] ?? service}#${this.name}`,
      [key]: this.message,
    });
  }
}

export const validation = (message: string): DynamoDbError =>
  new DynamoDbError("ValidationException", message);

type Fields = Readonly<Record<string, unknown>>;

const options = {
  ReturnConsumedCapacity: ["INDEXES", "TOTAL", "NONE"],
  ReturnValuesOnConditionCheckFailure: ["ALL_OLD", "NONE"],
} as const;

/** Checks the options that the engine never sees, because the proxy answers them itself. */
export const checkOptions = (request: Fields): void => {
  for (const [name, allowed] of Object.entries(options)) checkOption(request, name, allowed);
};

export const checkOption = (request: Fields, name: string, allowed: readonly string[]): void => {
  const value = request[name];
  if (value === undefined || value === null || allowed.some((option) => option === value)) return;
  const field = name.charAt(0).toLowerCase() + name.slice(1);
  throw validation(
    `1 validation error detected: Value '${value}' at '${field}' failed to satisfy constraint: Member must satisfy enum value set: [${allowed.join(", ")}]`,
  );
};
