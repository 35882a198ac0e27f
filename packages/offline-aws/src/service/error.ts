/** A refusal, as AWS's clients read it. */
export class ServiceError extends Error {
  override readonly name: string;
  readonly status: number;
  /** What stands in the answer beside name and message. */
  readonly fields: Readonly<Record<string, string>>;

  constructor(name: string, message: string, status = 400, fields: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = name;
    this.status = status;
    this.fields = fields;
  }
}
