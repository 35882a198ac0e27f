import { readFile } from "node:fs/promises";
import path from "node:path";
import * as v from "valibot";
import type { Stack } from "../stack/stack.js";
import { colorsFor, type Output } from "./terminal.js";

const manifestSchema = v.object({
  name: v.string(),
  scripts: v.optional(v.record(v.string(), v.string()), {}),
  "offline-aws": v.optional(v.object({ try: v.optional(v.record(v.string(), v.string()), {}) })),
});

/**
 * The text that `start` prints when the stack is ready: first the lines to paste into another terminal, from the key
 * `offline-aws.try` of the project's `package.json`, then the endpoints. A line with a placeholder for something that the
 * program does not declare is left out. A token is far longer than a screen is wide, so `{token}` is the command that
 * prints one.
 */
export const banner = async (
  { webSocketUrl, httpUrl, hasUserPool, dynamodbEndpoint, tables }: Stack,
  options: {
    readonly root: string;
    readonly stage: string;
    readonly tookMs: number;
    readonly inspectorUrl: string | undefined;
    readonly out: Output;
  },
): Promise<string> => {
  const { root, stage, tookMs, inspectorUrl, out } = options;
  const { bold, cyan, dim } = colorsFor(out);
  const manifest = v.parse(
    manifestSchema,
    JSON.parse(await readFile(path.join(root, "package.json"), "utf8")),
  );
  const hasScript = manifest.scripts.token?.startsWith("offline-aws token") ?? false;
  const command = `${hasScript ? "npm run -s token --" : "npx offline-aws token"} alice`;
  const values: Readonly<Record<string, string>> = {
    "{webSocketUrl}": webSocketUrl,
    "{httpUrl}": httpUrl,
    "{token}": hasUserPool ? `$(${command}${stage === "local" ? "" : ` --stage ${stage}`})` : "",
  };
  const examples = Object.entries(manifest["offline-aws"]?.try ?? {}).filter(([, text]) =>
    Object.entries(values).every(([name, value]) => value !== "" || !text.includes(name)),
  );
  const fill = (text: string) => text.replace(/\{\w+\}/g, (name) => values[name] ?? name);
  return [
    "",
    `${bold(manifest.name)} runs on this machine ${dim(`(ready in ${(tookMs / 1000).toFixed(1)} s; Ctrl-C ends it)`)}`,
    ...examples.flatMap(([title, text]) => ["", `${title}:`, `  ${fill(text).replaceAll("\n", "\n  ")}`]),
    "",
    ...(webSocketUrl ? [`  WebSocket  ${cyan(webSocketUrl)}`] : []),
    `  HTTP       ${cyan(httpUrl)}`,
    `  Status     ${cyan(`${httpUrl}/_local`)}`,
    `  DynamoDB   ${cyan(dynamodbEndpoint)}  ${dim(Object.values(tables).join(", "))}`,
    ...(inspectorUrl
      ? [
          `  Debugger   ${cyan(new URL(inspectorUrl).host)}  ${dim("time limits are off while --inspect is on")}`,
        ]
      : []),
    "",
  ].join("\n");
};
