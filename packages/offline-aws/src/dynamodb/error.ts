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
