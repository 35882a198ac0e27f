import { createRequire } from "node:module";
import conditionParser from "dynalite/db/conditionParser.js";
import database, { type Store } from "dynalite/db/index.js";
import projectionParser from "dynalite/db/projectionParser.js";
import updateParser from "dynalite/db/updateParser.js";
import validations from "dynalite/validations/index.js";
import type { Engine, EngineAnswer, EngineReply } from "./engine.js";
import { rememberExpressions } from "./expression-memory.js";

// dynalite looks its parsers up at each use, so it takes the replaced `parse`.
for (const parser of [conditionParser, projectionParser, updateParser]) {
  parser.parse = rememberExpressions(parser.parse);
}

type Action = (store: Store, request: object, done: (error: unknown, reply: object) => void) => void;

interface Operation {
  readonly action: Action;
  readonly types: object;
  readonly custom: unknown;
}

/**
 * dynalite in this process and in memory. Its HTTP server is left out: its checks and actions are called as that server
 * calls them, with objects in place of JSON. This is the one file that knows dynalite's inside; its version is pinned.
 */
export const startDynalite = async (): Promise<Engine> => {
  const store = database.create({ createTableMs: 0, deleteTableMs: 0 });
  return {
    countsMissingInBatch: true,
    send: (name, request) =>
      new Promise<EngineAnswer>((resolve, reject) => {
        const settle = (error: unknown, reply: object = {}): void => {
          if (error == null) resolve({ status: 200, reply: { ...reply } });
          else if (isRefusal(error)) resolve({ status: error.statusCode, reply: error.body });
          else reject(error);
        };
        try {
          const { action, types, custom } = operation(name);
          const checked = validations.checkTypes({ ...request }, types);
          validations.checkValidations(checked, types, custom, store);
          action(store, checked, settle);
        } catch (error) {
          settle(error);
        }
      }),
    close: async () => undefined,
  };
};

/** dynalite's checks throw these, and its actions pass them to the callback, for what DynamoDB would refuse. */
const isRefusal = (error: unknown): error is { readonly statusCode: number; readonly body: EngineReply } =>
  typeof error === "object" && error !== null && "statusCode" in error && "body" in error;

const load = createRequire(import.meta.url);
const operations = new Map<string, Operation>();

const operation = (name: string): Operation => {
  const known = operations.get(name);
  if (known) return known;
  const file = `${name.charAt(0).toLowerCase()}${name.slice(1)}.js`;
  const action: Action = load(`dynalite/actions/${file}`);
  const { types, custom }: Omit<Operation, "action"> = load(`dynalite/validations/${file}`);
  const loaded = { action, types, custom };
  operations.set(name, loaded);
  return loaded;
};
