import { Drain, parse } from "@lectern/core";
import { pacedCore } from "../core.js";
import { instrumented } from "../invocation.js";

export const handler = async (event: unknown) =>
  instrumented({ operation: "drain", fields: {}, isBackground: true }, async () =>
    Drain.drain(pacedCore, parse(Drain.stepSchema, event)),
  );
