import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import * as v from "valibot";
import { loadIssuer } from "../issuer.js";
import { type AppClient, plan } from "../plan.js";
import { synth } from "../synth/synth.js";
import { UserError } from "../user-error.js";
import type { Command } from "./command.js";
import { say } from "./progress.js";
import { parseStage } from "./settings.js";

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
    const expiresIn = Number(given.text("expires-in") ?? 3_600);
    if (!Number.isInteger(expiresIn)) throw new UserError("--expires-in takes whole seconds.");
    const stage = parseStage(given.text("stage") ?? "local");
    const [issuer, client] = await Promise.all([loadIssuer(given.root), clientOf(given.root, stage)]);
    const use = given.flag("id") ? "id" : "access";
    console.log(issuer.token(client, { username, use, expiresIn, now: Date.now() }));
  },
};

const clientSchema = v.object({ userPoolId: v.string(), clientId: v.string() });

/** The ids follow from the stage's name, so they are evaluated once and kept. */
const clientOf = async (root: string, stage: string): Promise<AppClient> => {
  const file = path.join(root, ".sst/offline", `client-${stage}.json`);
  const kept = await readFile(file, "utf8").catch(() => undefined);
  if (kept) return v.parse(clientSchema, JSON.parse(kept));
  const graph = await synth({ root, stage, say });
  const [client] = plan(graph).appClients;
  if (!client)
    throw new UserError(`Stage ${stage} has no user pool of its own: sign in to the existing one.`);
  await mkdir(path.dirname(file), { recursive: true });
  // Moved into place whole, for those who ask at the same time.
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify(client));
  await rename(draft, file);
  return client;
};
