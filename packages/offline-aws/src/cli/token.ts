import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import * as v from "valibot";
import writeFileAtomic from "write-file-atomic";
import { loadIssuer } from "../issuer.js";
import { plan } from "../plan/plan.js";
import type { AppClient } from "../plan/user-pool.js";
import { synth } from "../synth/synth.js";
import { UserError } from "../user-error.js";
import { command } from "./command-line.js";
import { parseStage, parseWhole, programArgs } from "./settings.js";
import { say } from "./terminal.js";

/** Prints a token of the stage's app client. No stack needs to run. */
export const token = command({
  meta: { name: "token", description: "Print a token for a user, signed as the stage's user pool would." },
  args: {
    user: {
      type: "positional",
      required: false,
      description: "The user's name; the same name is the same user every time.",
    },
    stage: programArgs.stage,
    id: { type: "boolean", description: "An ID token instead of an access token." },
    "expires-in": {
      type: "string",
      valueHint: "SECONDS",
      default: "3600",
      description: "The token's lifetime; 0 makes one that has expired.",
    },
  },
  run: async ({ args }) => {
    const { user: username } = args;
    if (!username) throw new UserError("Name a user, for example: offline-aws token alice");
    const expiresIn = parseWhole(args["expires-in"]);
    if (expiresIn === undefined) throw new UserError("--expires-in takes whole seconds.");
    const root = process.cwd();
    const [client, issuer] = await Promise.all([clientOf(root, parseStage(args.stage)), loadIssuer(root)]);
    console.log(
      issuer.token(client, { username, use: args.id ? "id" : "access", expiresIn, now: Date.now() }),
    );
  },
});

/** The client, with the program's files and a hash of their contents. */
const keptSchema = v.object({
  sources: v.array(v.string()),
  hash: v.string(),
  client: v.object({ userPoolId: v.string(), clientId: v.string() }),
});

/** Evaluating takes seconds, and the ids depend only on the program and the stage: they are kept until a file changes. */
const clientOf = async (root: string, stage: string): Promise<AppClient> => {
  const file = path.join(root, ".sst/offline", `client-${stage}.json`);
  const kept = parseKept(await readFile(file, "utf8").catch(() => ""));
  if (kept && (await hashOf(kept.sources)) === kept.hash) return kept.client;
  const graph = await synth({ root, stage, say });
  const [client] = plan(graph).appClients;
  if (!client)
    throw new UserError(
      `Stage ${stage} declares no user pool with an app client, so no token can be signed. Take a token from the service that the app uses.`,
    );
  const { sources } = graph;
  await mkdir(path.dirname(file), { recursive: true });
  const { userPoolId, clientId } = client;
  await writeFileAtomic(
    file,
    JSON.stringify({ sources, hash: await hashOf(sources), client: { userPoolId, clientId } }),
  );
  return client;
};

/** Undefined for a file that is broken, or of another version. */
const parseKept = (text: string): v.InferOutput<typeof keptSchema> | undefined => {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), keptSchema), text);
  return parsed.success ? parsed.output : undefined;
};

const hashOf = async (files: readonly string[]): Promise<string> => {
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => undefined)));
  return createHash("sha256").update(JSON.stringify(texts)).digest("hex");
};
