import { mkdir, mkdtemp, readdir, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { StackClock } from "../clock.js";
import { UserError } from "../user-error.js";
import type { FunctionDefinition } from "./function-definition.js";
import { type Lambda, type LambdaOptions, startLambda } from "./lambda.js";
import type { ReloadEvent } from "./reload.js";
import type { InvocationRecord, LogLine } from "./scheduler.js";

let root: string;
let clock: StackClock;
let lambda: Lambda | undefined;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "lambda-test-")));
  clock = new StackClock();
});

afterEach(async () => {
  await lambda?.close();
  lambda = undefined;
  clock.close();
  await rm(root, { recursive: true, force: true });
});

const write = async (path: string, content: string): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
};

/** The function `name` with the code of its handler file. */
const define = async (
  name: string,
  code: string,
  overrides: Partial<FunctionDefinition> = {},
): Promise<FunctionDefinition> => {
  await write(`src/${name}.ts`, code);
  return {
    name,
    arn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
    handler: `src/${name}.handler`,
    environment: {},
    timeoutSeconds: 10,
    memoryMb: 128,
    ...overrides,
  };
};

/** Keeps the items that are emitted; `find` waits for the first match. */
const recorder = <T>() => {
  const all: T[] = [];
  const waiting = new Set<() => void>();
  const emit = (item: T) => {
    all.push(item);
    for (const check of waiting) check();
  };
  const find = (matches: (item: T) => boolean): Promise<T> =>
    new Promise((resolve) => {
      const check = () => {
        const found = all.find(matches);
        if (found === undefined) return;
        waiting.delete(check);
        resolve(found);
      };
      waiting.add(check);
      check();
    });
  return { all, emit, find };
};

const start = async (functions: FunctionDefinition[], options: Partial<LambdaOptions> = {}) => {
  const logs = recorder<LogLine>();
  const records = recorder<InvocationRecord>();
  const begins = recorder<ReloadEvent>();
  const reloads = recorder<ReloadEvent>();
  lambda = await startLambda({
    root,
    outDir: join(root, "out"),
    functions,
    clock,
    watch: false,
    onLog: logs.emit,
    onInvocation: records.emit,
    onReload: (event) =>
      (event.kind === "begun" || event.kind === "still-failing" ? begins : reloads).emit(event),
    ...options,
  });
  return { lambda, logs, records, begins, reloads };
};

const returned = (payload: unknown) => ({ kind: "returned", payload });

describe("an environment", () => {
  test("has its function's variables and Lambda's own, and none of the laptop's", async () => {
    process.env.LAPTOP_SECRET = "visible only outside";
    const { lambda } = await start([
      await define("env", `export const handler = async () => ({ ...process.env });`, {
        environment: { TABLE: "Sessions", AWS_REGION: "us-east-1" },
        memoryMb: 256,
      }),
    ]);
    const outcome = await lambda.invoke("env", {});
    delete process.env.LAPTOP_SECRET;
    expect(outcome).toEqual(
      returned({
        PATH: process.env.PATH,
        LANG: "en_US.UTF-8",
        TZ: ":UTC",
        TABLE: "Sessions",
        AWS_REGION: "us-east-1",
        AWS_EXECUTION_ENV: "AWS_Lambda_nodejs22.x",
        AWS_LAMBDA_FUNCTION_NAME: "env",
        AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
        AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
        AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/env",
        AWS_LAMBDA_LOG_STREAM_NAME: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/),
        LAMBDA_TASK_ROOT: expect.stringContaining(root),
        _HANDLER: "bundle.handler",
      }),
    );
  });

  test("does not share its variables with another", async () => {
    const code = `export const handler = async () => process.env.NAME;`;
    const { lambda } = await start([
      await define("one", code, { environment: { NAME: "first" } }),
      await define("two", code, { environment: { NAME: "second" } }),
    ]);
    expect(await Promise.all([lambda.invoke("one", {}), lambda.invoke("two", {})])).toEqual([
      returned("first"),
      returned("second"),
    ]);
  });

  test("is started cold, then kept with its state", async () => {
    const { lambda, records } = await start([
      await define("count", `let calls = 0; export const handler = async () => ++calls;`),
    ]);
    expect(await lambda.invoke("count", {})).toEqual(returned(1));
    expect(await lambda.invoke("count", {})).toEqual(returned(2));
    expect(records.all.map(({ coldStart }) => coldStart)).toEqual([true, false]);
    expect(records.all[0]?.initMs).toBeGreaterThan(0);
    expect(records.all[1]).not.toHaveProperty("initMs");
  });

  test("runs one invocation at a time: two at once take two environments", async () => {
    const { lambda, records } = await start([
      await define("count", `let calls = 0; export const handler = async () => ++calls;`),
    ]);
    expect(await Promise.all([lambda.invoke("count", {}), lambda.invoke("count", {})])).toEqual([
      returned(1),
      returned(1),
    ]);
    expect(records.all.map(({ coldStart }) => coldStart)).toEqual([true, true]);
  });

  test("stays warm beside those of other functions", async () => {
    const code = `let calls = 0; export const handler = async () => ++calls;`;
    const { lambda } = await start(await Promise.all(["a", "b", "c"].map((name) => define(name, code))), {
      concurrency: 2,
    });
    const twice = (name: string) => Promise.all([lambda.invoke(name, {}), lambda.invoke(name, {})]);
    for (const name of ["a", "b", "c"]) expect(await twice(name)).toEqual([returned(1), returned(1)]);
    for (const name of ["a", "b", "c"]) expect(await twice(name)).toEqual([returned(2), returned(2)]);
  });

  test("follows the stack's clock in Date and nowhere else", async () => {
    const code = `
      const loadedAt = Date.now();
      export const handler = async () => ({
        now: Date.now(), date: new Date().getTime(), text: Date.parse(Date()), fixed: new Date(5).getTime(),
        performance: performance.now(), instance: new Date() instanceof Date, loadedAt,
      });`;
    const { lambda } = await start([await define("time", code)]);
    const read = async () => {
      const outcome = await lambda.invoke("time", {});
      if (outcome.kind !== "returned") throw new Error(outcome.kind);
      return outcome.payload as Record<string, number>;
    };
    const before = await read();
    clock.advance(3_600_000);
    const after = await read();
    const now = clock.now();
    for (const key of ["now", "date", "text"]) {
      expect(now - (after[key] ?? 0)).toBeLessThan(5_000);
      expect((after[key] ?? 0) - (before[key] ?? 0)).toBeGreaterThanOrEqual(3_600_000 - 1_000);
    }
    expect(after).toMatchObject({ fixed: 5, instance: true, loadedAt: before.loadedAt });
    expect((after.performance ?? 0) - (before.performance ?? 0)).toBeLessThan(5_000);
  });
});

describe("a handler", () => {
  test("gets Lambda's context", async () => {
    const code = `export const handler = async (event, context) =>
      ({ ...context, remaining: context.getRemainingTimeInMillis() });`;
    const { lambda, records } = await start([await define("context", code)]);
    expect(await lambda.invoke("context", {})).toEqual(
      returned({
        functionName: "context",
        functionVersion: "$LATEST",
        invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:context",
        memoryLimitInMB: "128",
        awsRequestId: records.all[0]?.requestId,
        logGroupName: "/aws/lambda/context",
        logStreamName: expect.any(String),
        callbackWaitsForEmptyEventLoop: true,
        remaining: expect.toSatisfy((ms: number) => ms > 9_000 && ms <= 10_000),
      }),
    );
    expect(records.all[0]?.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("exchanges JSON: dates become strings, undefined becomes null", async () => {
    const { lambda } = await start([
      await define(
        "echo",
        `export const handler = async (event) => ({ event, at: new Date(0), none: undefined });`,
      ),
      await define("nothing", `export const handler = async () => {};`),
    ]);
    expect(await lambda.invoke("echo", { at: new Date(0), none: undefined, list: [undefined] })).toEqual(
      returned({ event: { at: "1970-01-01T00:00:00.000Z", list: [null] }, at: "1970-01-01T00:00:00.000Z" }),
    );
    expect(await lambda.invoke("nothing", {})).toEqual(returned(null));
  });

  test("may return a plain value, or call back", async () => {
    const { lambda } = await start([
      await define("plain", `export const handler = (event) => event.value;`),
      await define(
        "callback",
        `export const handler = (event, context, callback) => { callback(null, event.value); };`,
      ),
    ]);
    expect(await lambda.invoke("plain", { value: 1 })).toEqual(returned(1));
    expect(await lambda.invoke("callback", { value: 2 })).toEqual(returned(2));
  });

  test("that throws fails, with a stack that names the TypeScript file and line, and lives on", async () => {
    await write(
      "src/lib/deep.ts",
      `\n\nexport const fail = (): never => {\n  throw new TypeError("no such thing");\n};\n`,
    );
    const code = `import { fail } from "./lib/deep.js";
      let calls = 0;
      export const handler = async () => (++calls === 1 ? fail() : calls);`;
    const { lambda, logs } = await start([await define("broken", code)]);
    expect(await lambda.invoke("broken", {})).toEqual({
      kind: "failed",
      errorType: "TypeError",
      errorMessage: "no such thing",
    });
    expect(logs.all.map(({ stream }) => stream)).toEqual(logs.all.map(() => "stderr"));
    expect(logs.all[0]?.text).toBe(
      `ERROR\tInvoke Error\t{"errorType":"TypeError","errorMessage":"no such thing"}`,
    );
    const stack = logs.all.map(({ text }) => text).join("\n");
    expect(stack).toContain(`${join(root, "src/lib/deep.ts")}:4:9`);
    expect(stack).toContain(`${join(root, "src/broken.ts")}:3:`);
    expect(await lambda.invoke("broken", {})).toEqual(returned(2));
  });

  test("that throws a value other than an Error fails with the value's type", async () => {
    const { lambda } = await start([
      await define("odd", `export const handler = async () => { throw "a string"; };`),
    ]);
    expect(await lambda.invoke("odd", {})).toEqual({
      kind: "failed",
      errorType: "string",
      errorMessage: "a string",
    });
  });

  test("may return 6 MB, but not one byte more", async () => {
    const { lambda } = await start([
      await define("large", `export const handler = async ({ bytes }) => "x".repeat(bytes - 2);`),
    ]);
    expect((await lambda.invoke("large", { bytes: 6_291_556 })).kind).toBe("returned");
    expect(await lambda.invoke("large", { bytes: 6_291_557 })).toMatchObject({
      kind: "failed",
      errorType: "Function.ResponseSizeTooLarge",
    });
  });

  test("that takes too long times out, and its environment is discarded", async () => {
    const code = `let calls = 0;
      export const handler = async (event) => { calls++; if (event.hang) await new Promise(() => {}); return calls; };`;
    const { lambda, logs } = await start([await define("slow", code, { timeoutSeconds: 0.5 })]);
    expect(await lambda.invoke("slow", {})).toEqual(returned(1));
    expect(await lambda.invoke("slow", { hang: true })).toEqual({ kind: "timed-out", afterSeconds: 0.5 });
    expect(logs.all.at(-1)?.text).toBe("Task timed out after 0.50 seconds");
    expect(await lambda.invoke("slow", {})).toEqual(returned(1));
  });

  test("that blocks its thread times out too", async () => {
    const { lambda } = await start([
      await define("busy", `export const handler = async () => { for (;;) {} };`, { timeoutSeconds: 0.5 }),
    ]);
    expect(await lambda.invoke("busy", {})).toEqual({ kind: "timed-out", afterSeconds: 0.5 });
  });

  test("that returns while the stack's own thread is busy does not time out", async () => {
    const code = `export const handler = async () => { await new Promise((done) => setTimeout(done, 200)); return "done"; };`;
    const { lambda } = await start([await define("slow", code, { timeoutSeconds: 0.5 })]);
    expect(await lambda.invoke("slow", {})).toEqual(returned("done"));
    const outcome = lambda.invoke("slow", {});
    const until = performance.now() + 1_000;
    while (performance.now() < until);
    expect(await outcome).toEqual(returned("done"));
  });

  test.runIf(process.platform === "linux")(
    "that waits for a processor does not time out: the wait does not count",
    async () => {
      const code = `import { readFileSync } from "node:fs";
        const usedMs = () => Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[0]) / 1e6;
        export const handler = async () => { const until = usedMs() + 200; while (usedMs() < until); return "done"; };`;
      const concurrency = 4 * availableParallelism();
      const { lambda } = await start([await define("busy", code, { timeoutSeconds: 0.5 })], { concurrency });
      const outcomes = await Promise.all(
        Array.from({ length: concurrency }, () => lambda.invoke("busy", {})),
      );
      expect(outcomes).toEqual(outcomes.map(() => returned("done")));
    },
  );

  test("that exits, or leaves a rejection unhandled, fails and loses its environment", async () => {
    const code = `let calls = 0;
      export const handler = async ({ how }) => {
        if (how === "exit") process.exit(3);
        if (how === "reject") { Promise.reject(new Error("nobody listens")); await new Promise(() => {}); }
        if (how === "throw") { setTimeout(() => { throw new RangeError("out of the blue"); }); await new Promise(() => {}); }
        return ++calls;
      };`;
    const { lambda } = await start([await define("dies", code)]);
    expect(await lambda.invoke("dies", {})).toEqual(returned(1));
    expect(await lambda.invoke("dies", { how: "exit" })).toEqual({
      kind: "failed",
      errorType: "Runtime.ExitError",
      errorMessage: expect.stringMatching(
        /^RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 3$/,
      ),
    });
    expect(await lambda.invoke("dies", { how: "reject" })).toEqual({
      kind: "failed",
      errorType: "Runtime.UnhandledPromiseRejection",
      errorMessage: "Error: nobody listens",
    });
    expect(await lambda.invoke("dies", { how: "throw" })).toEqual({
      kind: "failed",
      errorType: "RangeError",
      errorMessage: "out of the blue",
    });
    expect(await lambda.invoke("dies", {})).toEqual(returned(1));
  });

  test("that is not declared is not found", async () => {
    const { lambda } = await start([]);
    expect(await lambda.invoke("nobody", {})).toMatchObject({
      kind: "failed",
      errorType: "ResourceNotFoundException",
    });
  });
});

describe("output", () => {
  test("arrives line by line with its invocation's id, before the result", async () => {
    const code = `console.log("loading");
      export const handler = async ({ name }) => {
        console.log(name, "one\\ntwo");
        console.error({ name });
        process.stdout.write("unfin");
        process.stdout.write("ished");
        return name;
      };`;
    const { lambda, logs, records } = await start([await define("talks", code)]);
    for (const name of ["first", "second"]) {
      await lambda.invoke("talks", { name });
      const requestId = records.all.at(-1)?.requestId;
      expect(logs.all.splice(0)).toEqual(
        [
          ...(name === "first" ? [["stdout", "loading"]] : []),
          ["stdout", `${name} one`],
          ["stdout", "two"],
          ["stderr", `{ name: '${name}' }`],
          ["stdout", "unfinished"],
        ].map(([stream, text]) => ({ functionName: "talks", requestId, stream, text })),
      );
    }
  });
});

describe("concurrency", () => {
  test("is bounded over all functions; the rest waits its turn", async () => {
    const code = `export const handler = async () => {
      console.log("in");
      await new Promise((r) => setTimeout(r, 100));
      console.log("out");
    };`;
    const { lambda, logs } = await start([await define("a", code), await define("b", code)], {
      concurrency: 2,
    });
    await Promise.all(["a", "b", "a", "b", "a", "b"].map((name) => lambda.invoke(name, {})));
    const atOnce = logs.all.map((_, index) =>
      logs.all.slice(0, index + 1).reduce((sum, { text }) => sum + (text === "in" ? 1 : -1), 0),
    );
    expect(atOnce).toHaveLength(12);
    expect(Math.max(...atOnce)).toBe(2);
  });

  test("a caller hears when its handler begins, which is after the wait for a free place", async () => {
    const code = `export const handler = async ({ ms }) => new Promise((r) => setTimeout(r, ms));`;
    const { lambda } = await start([await define("slow", code)], { concurrency: 1 });
    const order: string[] = [];
    const invoke = (name: string, ms: number) =>
      lambda
        .invoke("slow", { ms }, () => order.push(`${name} runs`))
        .then(() => order.push(`${name} is done`));
    await Promise.all([invoke("first", 50), invoke("second", 0)]);
    expect(order).toEqual(["first runs", "first is done", "second runs", "second is done"]);
  });

  test("idle resolves at once when nothing runs, else after the last invocation", async () => {
    const { lambda, records } = await start([
      await define("brief", `export const handler = async () => new Promise((r) => setTimeout(r, 20));`),
    ]);
    await lambda.idle();
    void lambda.invoke("brief", {});
    void lambda.invoke("brief", {});
    await lambda.idle();
    expect(records.all).toHaveLength(2);
  });
});

describe("bundling", () => {
  test("a missing handler file is named with its function, and nothing is left behind", async () => {
    const definition = await define("here", `export const handler = () => 1;`, {
      handler: "src/gone.handler",
    });
    await expect(start([definition])).rejects.toThrow(
      "The function here has no handler file: src/gone.ts does not exist.",
    );
    expect(await readdir(join(root, "out"))).toEqual([]);
  });

  test("a missing handler export is named with its function and file", async () => {
    const definition = await define("here", `export const handle = () => 1;`);
    await expect(start([definition])).rejects.toThrow(
      "The function here has no handler: src/here.ts does not export handler.",
    );
  });

  test("a syntax error is named with its place", async () => {
    const definition = await define("here", `export const handler = () => 1;\nconst = 2;`);
    await expect(start([definition])).rejects.toThrow(`src/here.ts:2:7: Expected identifier but found "="`);
  });

  test("functions of one file, CommonJS output and SST's options are taken as they are", async () => {
    const code = `export const handler = () => ["handler", WHO, typeof require, typeof __dirname];
      export const other = () => ["other", WHO, banner];
      function named() {} ;[named];`;
    const esbuild = { define: { WHO: '"me"' } };
    const one = await define("one", code, { nodejs: { minify: true, esbuild } });
    const two = {
      ...one,
      name: "two",
      handler: "src/one.other",
      nodejs: { esbuild, banner: "var banner = 1;" },
    };
    const three = { ...one, name: "three", nodejs: { esbuild, format: "cjs" as const } };
    const { lambda } = await start([one, two, three]);
    expect(await lambda.invoke("one", {})).toEqual(returned(["handler", "me", "function", "string"]));
    expect(await lambda.invoke("two", {})).toEqual(returned(["other", "me", 1]));
    expect(await lambda.invoke("three", {})).toEqual(returned(["handler", "me", "function", "string"]));
  });

  test("a package that is not bundled is found beside the root", async () => {
    await write("node_modules/native/package.json", `{ "name": "native", "main": "index.js" }`);
    await write("node_modules/native/index.js", `exports.answer = 42;`);
    const code = `import { answer } from "native"; export const handler = () => answer;`;
    const { lambda } = await start([await define("uses", code, { nodejs: { install: ["native"] } })], {
      outDir: await mkdtemp(join(root, "elsewhere-")),
    });
    expect(await lambda.invoke("uses", {})).toEqual(returned(42));
  });
});

describe("live reload", () => {
  const reloaded = (name: string) => (event: ReloadEvent) =>
    event.kind === "reloaded" && event.functions.includes(name);

  test("swaps the code for the next invocation while another finishes on the old", async () => {
    const code = (version: number) => `
      export const handler = async ({ wait }) => {
        if (wait) { console.log("waiting"); await new Promise((r) => setTimeout(r, wait)); }
        return ${version};
      };`;
    const { lambda, logs, reloads } = await start(
      [await define("edited", code(1)), await define("other", `export const handler = () => 1;`)],
      { watch: true },
    );
    const inFlight = lambda.invoke("edited", { wait: 1_000 });
    await logs.find(({ text }) => text === "waiting");
    await write("src/edited.ts", code(2));
    const event = await reloads.find(reloaded("edited"));
    expect(event).toMatchObject({ functions: ["edited"] });
    expect(await lambda.invoke("edited", {})).toEqual(returned(2));
    expect(await inFlight).toEqual(returned(1));
    expect(await lambda.invoke("edited", {})).toEqual(returned(2));
  });

  test("says which file began it, and that nothing changed when the code comes out as it was", async () => {
    const code = `export const handler = () => 1;`;
    const { begins, reloads } = await start([await define("same", code)], { watch: true });
    await write("src/same.ts", `${code} // A comment.`);
    expect(await reloads.find(() => true)).toEqual({
      kind: "reloaded",
      functions: [],
      ms: expect.any(Number),
    });
    expect(begins.all[0]).toEqual({ kind: "begun", file: "src/same.ts" });
  });

  test("works in a root that is reached through a link", async () => {
    const definition = await define("linked", `export const handler = () => 1;`);
    await symlink(root, join(root, "link"));
    const { lambda, reloads } = await start([definition], { root: join(root, "link"), watch: true });
    await write("src/linked.ts", `export const handler = () => 2;`);
    await reloads.find(reloaded("linked"));
    expect(await lambda.invoke("linked", {})).toEqual(returned(2));
  });

  test("rebuilds every function that a shared file is part of, and no other", async () => {
    await write("src/lib/shared.ts", `export const version = 1;`);
    const code = `import { version } from "./lib/shared.js"; export const handler = () => version;`;
    const { lambda, reloads } = await start(
      [
        await define("a", code),
        await define("b", code),
        await define("c", `export const handler = () => 0;`),
      ],
      { watch: true },
    );
    await write("src/lib/shared.ts", `export const version = 2;`);
    expect(await reloads.find(reloaded("a"))).toMatchObject({ functions: ["a", "b"] });
    expect(await lambda.invoke("b", {})).toEqual(returned(2));
  });

  test("sees a file that an editor replaces by renaming, again and again", async () => {
    const code = (version: number) => `export const handler = () => ${version};`;
    const { lambda, reloads } = await start([await define("renamed", code(0))], { watch: true });
    for (const version of [1, 2, 3]) {
      await write("src/renamed.ts.tmp", code(version));
      await rename(join(root, "src/renamed.ts.tmp"), join(root, "src/renamed.ts"));
      await reloads.find(reloaded("renamed"));
      reloads.all.length = 0;
      expect(await lambda.invoke("renamed", {})).toEqual(returned(version));
    }
  });

  test("ends up with the last of many rapid saves", async () => {
    const code = (version: number) =>
      `export const handler = () => { console.log(${version}); return ${version}; };`;
    const { lambda, reloads } = await start([await define("rapid", code(0))], { watch: true });
    for (let version = 1; version <= 40; version++) {
      await write("src/rapid.ts", code(version));
      await new Promise((resolve) => setTimeout(resolve, 7));
    }
    const read = async (): Promise<unknown> => {
      const seen = reloads.all.length;
      const outcome = await lambda.invoke("rapid", {});
      if (outcome.kind === "returned" && outcome.payload === 40) return 40;
      await reloads.find((event) => reloads.all.indexOf(event) >= seen);
      return read();
    };
    expect(await read()).toBe(40);
  });

  test("reports a broken file once, keeps the last good code, and heals with the next good save", async () => {
    const { lambda, begins, reloads } = await start(
      [await define("fragile", `export const handler = () => 1;`)],
      {
        watch: true,
      },
    );
    const broken = `export const handler = () => 2;\n  const = 3;`;
    await write("src/fragile.ts", broken);
    await reloads.find(({ kind }) => kind === "failed");
    await write("src/fragile.ts", broken);
    await begins.find(({ kind }) => kind === "still-failing");
    expect(await lambda.invoke("fragile", {})).toEqual(returned(1));
    await write("src/fragile.ts", `export const handler = () => 3;`);
    await reloads.find(reloaded("fragile"));
    expect(await lambda.invoke("fragile", {})).toEqual(returned(3));
    expect(reloads.all).toEqual([
      {
        kind: "failed",
        errors: [{ file: "src/fragile.ts", line: 2, column: 9, text: 'Expected identifier but found "="' }],
      },
      { kind: "reloaded", functions: ["fragile"], ms: expect.any(Number) },
    ]);
  });

  test("reports a reload when a broken file is restored", async () => {
    const code = `export const handler = () => 1;`;
    const { reloads } = await start([await define("back", code)], { watch: true });
    await write("src/back.ts", `export const handler = `);
    await reloads.find(({ kind }) => kind === "failed");
    await write("src/back.ts", code);
    expect(await reloads.find(({ kind }) => kind === "reloaded")).toMatchObject({ functions: [] });
  });

  test("picks up an imported file that is made only after the import, in a folder that is new too", async () => {
    const { lambda, reloads } = await start([await define("early", `export const handler = () => 1;`)], {
      watch: true,
    });
    await write("src/early.ts", `export { handler } from "./new/folder/late.js";`);
    await reloads.find(({ kind }) => kind === "failed");
    await write("src/new/folder/late.ts", `export const handler = () => 2;`);
    await reloads.find(reloaded("early"));
    expect(await lambda.invoke("early", {})).toEqual(returned(2));
    await write("src/new/folder/late.ts", `export const handler = () => 3;`);
    await reloads.find((event) => event !== reloads.all[1] && reloaded("early")(event));
    expect(await lambda.invoke("early", {})).toEqual(returned(3));
  });

  test("survives that a folder is deleted and comes back", async () => {
    await write("src/lib/value.ts", `export const value = 1;`);
    const code = `import { value } from "./lib/value.js"; export const handler = () => value;`;
    const { lambda, reloads } = await start([await define("moved", code)], { watch: true });
    await rm(join(root, "src/lib"), { recursive: true });
    await reloads.find(({ kind }) => kind === "failed");
    expect(await lambda.invoke("moved", {})).toEqual(returned(1));
    await write("src/lib/value.ts", `export const value = 2;`);
    await reloads.find(reloaded("moved"));
    expect(await lambda.invoke("moved", {})).toEqual(returned(2));
  });

  test("a handler that is no longer exported is an error with a name", async () => {
    const { lambda, reloads } = await start([await define("fickle", `export const handler = () => 1;`)], {
      watch: true,
    });
    await write("src/fickle.ts", `export const handle = () => 2;`);
    expect(await reloads.find(({ kind }) => kind === "failed")).toMatchObject({
      errors: [{ text: "The function fickle has no handler: src/fickle.ts does not export handler." }],
    });
    expect(await lambda.invoke("fickle", {})).toEqual(returned(1));
  });

  test("code that fails while loading fails each invocation until an edit mends it", async () => {
    const { lambda, logs, records, reloads } = await start(
      [await define("init", `throw new RangeError("no table");\nexport const handler = () => 1;`)],
      { watch: true },
    );
    const failure = { kind: "failed", errorType: "RangeError", errorMessage: "no table" };
    expect(await lambda.invoke("init", {})).toEqual(failure);
    expect(await lambda.invoke("init", {})).toEqual(failure);
    expect(records.all.map(({ coldStart }) => coldStart)).toEqual([true, true]);
    expect(logs.all.map(({ text }) => text).join("\n")).toContain(`${join(root, "src/init.ts")}:1:7`);
    await write("src/init.ts", `export const handler = () => 2;`);
    await reloads.find(reloaded("init"));
    expect(await lambda.invoke("init", {})).toEqual(returned(2));
  });
});

test("while it is inspected, a function has no timeout and one environment, and never runs out of time", async () => {
  const code = `let calls = 0;
    export const handler = async ({ ms }, context) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return [++calls, context.getRemainingTimeInMillis()];
    };`;
  const { lambda, records } = await start([await define("slow", code, { timeoutSeconds: 0.05 })], {
    inspect: true,
  });
  const outcomes = await Promise.all([lambda.invoke("slow", { ms: 150 }), lambda.invoke("slow", { ms: 0 })]);
  expect(outcomes).toEqual([returned([1, 50]), returned([2, 50])]);
  expect(records.all.map(({ coldStart }) => coldStart)).toEqual([true, false]);
});

describe("an end by force", () => {
  const waits = `let calls = 0;
    export const handler = async ({ ms }) => { console.log("waiting"); await new Promise((r) => setTimeout(r, ms)); return ++calls; };`;

  test("kill fails the running invocation with Runtime.ExitError; the next one starts cold", async () => {
    const { lambda, logs, records } = await start([
      await define("victim", waits),
      await define("other", waits),
    ]);
    const running = lambda.invoke("victim", { ms: 60_000 });
    const other = lambda.invoke("other", { ms: 300 });
    await logs.find(({ functionName }) => functionName === "victim");
    await lambda.kill("victim");
    expect(await running).toMatchObject({ kind: "failed", errorType: "Runtime.ExitError" });
    expect(await lambda.invoke("victim", { ms: 0 })).toEqual(returned(1));
    expect(records.all.at(-1)?.coldStart).toBe(true);
    expect(await other).toEqual(returned(1));
  });

  test("throttle refuses the next invocations, which reach no environment, and then no more", async () => {
    const { lambda, records } = await start([await define("busy", waits), await define("other", waits)]);
    lambda.throttle("busy", 2);
    for (let time = 0; time < 2; time += 1) {
      expect(await lambda.invoke("busy", { ms: 0 })).toEqual({ kind: "throttled" });
      expect(await lambda.invoke("other", { ms: 0 })).toEqual(returned(time + 1));
    }
    expect(await lambda.invoke("busy", { ms: 0 })).toEqual(returned(1));
    const ofBusy = records.all.filter(({ functionName }) => functionName === "busy");
    expect(ofBusy.map(({ outcome }) => outcome.kind)).toEqual(["throttled", "throttled", "returned"]);
    expect(() => lambda.throttle("nobody", 1)).toThrow("There is no function nobody to throttle.");
  });

  test("kill reaches an environment that is still loading, and one that waits", async () => {
    const { lambda, records } = await start([await define("victim", waits)]);
    const cold = lambda.invoke("victim", { ms: 0 });
    await lambda.kill("victim");
    expect(await cold).toMatchObject({ kind: "failed", errorType: "Runtime.ExitError" });
    await lambda.invoke("victim", { ms: 0 });
    await lambda.kill("victim");
    expect(await lambda.invoke("victim", { ms: 0 })).toEqual(returned(1));
    expect(records.all.map(({ coldStart }) => coldStart)).toEqual([true, true, true]);
  });

  test("close lets a short invocation finish, fails a long one and the queued, and deletes the bundles", async () => {
    const { lambda, logs } = await start([await define("short", waits), await define("long", waits)], {
      concurrency: 2,
      watch: true,
    });
    const short = lambda.invoke("short", { ms: 200 });
    const long = lambda.invoke("long", { ms: 60_000 });
    const queued = lambda.invoke("short", { ms: 0 });
    await Promise.all(
      ["short", "long"].map((name) => logs.find(({ functionName }) => functionName === name)),
    );
    await lambda.close();
    expect(await short).toEqual(returned(1));
    expect(await long).toMatchObject({ kind: "failed", errorType: "Runtime.ExitError" });
    expect(await queued).toMatchObject({ kind: "failed", errorType: "ServiceException" });
    expect(await lambda.invoke("short", {})).toMatchObject({ kind: "failed", errorType: "ServiceException" });
    expect(await readdir(join(root, "out"))).toEqual([]);
  });
});

test("a function whose code takes too long to load fails by the init limit, not by its own timeout", async () => {
  const { lambda, logs } = await start([
    await define(
      "slow",
      "await new Promise((resolve) => setTimeout(resolve, 600_000)); export const handler = () => 1;",
      { timeoutSeconds: 25 },
    ),
  ]);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const invoked = lambda.invoke("slow", {});
  vi.advanceTimersByTime(10_000);
  vi.useRealTimers();
  expect(await invoked).toEqual({ kind: "timed-out", afterSeconds: 10 });
  expect(logs.all.map(({ text }) => text)).toEqual([
    "Loading the code took longer than Lambda's limit of 10 seconds for the init phase",
  ]);
});

test("esbuild plugins are refused with a sentence that names the function", async () => {
  const nodejs = { plugins: "plugins.mjs" };
  const starting = start([await define("fancy", "export const handler = () => 1;", { nodejs })]);
  await expect(starting).rejects.toThrow(
    new UserError("Function fancy uses nodejs.plugins, which the local stack does not support."),
  );
  expect(await readdir(join(root, "out"))).toEqual([]);
});

test("the folder of a killed process is deleted, and the folder of a running process stays", async () => {
  const living = `lambda-${process.pid}-abc`;
  for (const folder of ["lambda-4194305-abc", living]) await write(`out/${folder}/bundle.mjs`, "");
  await start([await define("fn", "export const handler = () => 1;")]);
  const folders = await readdir(join(root, "out"));
  expect(folders).toHaveLength(2);
  expect(folders).toContain(living);
});
