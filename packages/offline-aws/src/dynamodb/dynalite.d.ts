declare module "dynalite/db/index.js" {
  export interface Store {
    readonly options: object;
  }

  interface Database {
    /** An empty store in memory, unless given a path. */
    create(options: {
      /** How long a new table stays in CREATING, in ms. */
      readonly createTableMs?: number;
      readonly deleteTableMs?: number;
    }): Store;
  }

  const database: Database;
  export default database;
}

declare module "dynalite/validations/index.js" {
  import type { Store } from "dynalite/db/index.js";

  interface Validations {
    /** Returns the request as dynalite's actions take it. Deletes from `request` what `types` does not name. */
    checkTypes(request: Record<string, unknown>, types: object): object;
    checkValidations(request: object, types: object, custom: unknown, store: Store): void;
  }

  const validations: Validations;
  export default validations;
}

declare module "dynalite/db/*Parser.js" {
  import type { Parser } from "./expression-memory.js";

  const parser: Parser;
  export default parser;
}
