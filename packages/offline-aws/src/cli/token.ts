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
import type { Command } from "./command.js";
import { say } from "./progress.js";
import { parseStage, parseWhole } from "./settings.js";

/** Prints a token of the stage's app client, whether a stack runs or not. */
export const token: Command = {
  name: "token",
  summary: "Print a token for a user, as the stage's user pool would sign it.",
  call: "npm run -s token --",
  positionals: [{ name: "user", help: "The user's name; the same name is the same user every time." }],
  options: {
    stage: { type: "string", value: "STAGE", help: "The stage whose pool signs. Default: local." },
    id: { type: "boolean", help: "An ID token instead of an access token." },
    "expires-in": {
      type: "string",
      value: "SECONDS",
      help: "How long it is good. Default: 3600; 0 has expired.",
    },
  },
  run: async (given) => {
    const [username] = given.positionals;
    if (!username) throw new UserError("Whose token? Name a user: npm run -s token -- alice");
    const expiresIn = parseWhole(given.text("expires-in") ?? "3600");
    if (expiresIn === undefined) throw new UserError("--expires-in takes whole seconds.");
    const stage = parseStage(given.text("stage") ?? "local");
    const [issuer, client] = await Promise.all([loadIssuer(given.root), clientOf(given.root, stage)]);
    const use = given.flag("id") ? "id" : "access";
    console.log(issuer.token(client, { username, use, expiresIn, now: Date.now() }));
  },
};

/** Of what program the client is: its files, and a hash of what they hold. */
const keptSchema = v.object({
  sources: v.array(v.string()),
  hash: v.string(),
  client: v.object({ userPoolId: v.string(), clientId: v.string() }),
});

/** The ids follow from the program and the stage's name, so they are evaluated once and kept until the program changes. */
const clientOf = async (root: string, stage: string): Promise<AppClient> => {
  const file = path.join(root, ".sst/offline", `client-${stage}.json`);
  const kept = parseKept(await readFile(file, "utf8").catch(() => ""));
  if (kept && (await hashOf(kept.sources)) === kept.hash) return kept.client;
  const graph = await synth({ root, stage, say });
  const [client] = plan(graph).appClients;
  if (!client)
    throw new UserError(`Stage ${stage} has no user pool of its own: sign in to the existing one.`);
  const { sources } = graph;
  await mkdir(path.dirname(file), { recursive: true });
  const { userPoolId, clientId } = client;
  await writeFileAtomic(
    file,
    JSON.stringify({ sources, hash: await hashOf(sources), client: { userPoolId, clientId } }),
  );
  return client;
};

/** Undefined for what is not whole, or of another version. */
const parseKept = (text: string): v.InferOutput<typeof keptSchema> | undefined => {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), keptSchema), text);
  return parsed.success ? parsed.output : undefined;
};

const hashOf = async (files: readonly string[]): Promise<string> => {
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => undefined)));
  return createHash("sha256").update(JSON.stringify(texts)).digest("hex");
};
