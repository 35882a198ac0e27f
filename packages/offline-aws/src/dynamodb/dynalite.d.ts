declare module "dynalite" {
  import type { Server } from "node:http";

  export interface DynaliteOptions {
    /** How long a new table stays in CREATING, in ms. */
    readonly createTableMs?: number;
    readonly deleteTableMs?: number;
  }

  /** A DynamoDB server that does not listen yet; in memory unless given a path. */
  const dynalite: (options?: DynaliteOptions) => Server;
  export default dynalite;
}
