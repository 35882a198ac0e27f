import { Drain, parse } from "@lectern/core";
import { core } from "../core.js";
import { instrumented } from "../invocation.js";

export const handler = async (event: unknown) =>
  instrumented({ operation: "drain", fields: {}, isBackground: true }, async () =>
    Drain.drain(core, parse(Drain.stepSchema, event)),
  );
