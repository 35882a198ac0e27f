import { type Stack, type StackOptions, startStack } from "offline-aws";
import type { Scope } from "./terminal/scope.js";

/** Starts a stack that stops with the command, also when that is interrupted before the stack is ready. */
export const startIn = (scope: Pick<Scope, "defer">, options: StackOptions): Promise<Stack> => {
  const starting = startStack(options);
  scope.defer(() =>
    starting.then(
      (stack) => stack.stop(),
      () => undefined,
    ),
  );
  return starting;
};
