import { Drain, parse } from "@lectern/core";
import { fanOutCore } from "../fan-out-core.js";
import { instrumented } from "../invocation.js";

export const handler = async (event: unknown) =>
  instrumented({ operation: "drain", fields: {}, isBackground: true }, async () =>
    Drain.drain(fanOutCore, parse(Drain.stepSchema, event)),
  );
