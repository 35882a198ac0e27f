import { createRequire, Module } from "node:module";

/**
 * Prepares Pulumi, which must not be loaded yet, for a single evaluation: that takes three quarters of the time then.
 * The TypeScript compiler, with which Pulumi serializes closures, is loaded when something first asks for it. Promises do
 * not keep the stack of their making, which only Pulumi's report of leaked promises shows.
 * @param platform a module of SST's platform, from which Pulumi is resolved
 */
export const quickenPulumi = (platform: string): void => {
  const load = createRequire(createRequire(platform).resolve("@pulumi/pulumi/package.json"));
  const file = load.resolve("typescript");
  const loadCompiler = () => {
    if (load.cache[file] === placeholder) delete load.cache[file];
    return load(file);
  };
  const exports = new Proxy({}, { get: (_, name) => Reflect.get(loadCompiler(), name) });
  const placeholder = Object.assign(new Module(file), { exports, loaded: true });
  load.cache[file] = placeholder;
  load("./runtime/debuggable").debuggablePromise = (promise: unknown) => promise;
};
