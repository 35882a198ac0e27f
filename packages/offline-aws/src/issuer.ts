import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  sign,
} from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import writeFileAtomic from "write-file-atomic";
import { withLock } from "./lock.js";
import type { AppClient } from "./plan/user-pool.js";
import { uuidOf } from "./synth/cloud.js";

export interface TokenRequest {
  /** The user's name. The same name gives the same `sub` every time. */
  readonly username: string;
  /** Default: a UUID that follows from `username`. */
  readonly subject?: string;
  /** Default `access`. */
  readonly use?: "access" | "id";
  /** Lifetime in seconds; 0 or less makes an expired token. Default 3,600, as Cognito's. */
  readonly expiresIn?: number;
  /** Further claims of an ID token: the user's attributes. */
  readonly claims?: Readonly<Record<string, string | boolean>>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Signs tokens as a Cognito user pool does, and publishes its key. */
export interface Issuer {
  token(client: AppClient, request: TokenRequest): string;
  /** The document that Cognito serves under `/<pool>/.well-known/jwks.json`. */
  readonly jwks: { readonly keys: readonly object[] };
}

const createKey = async (): Promise<KeyObject> =>
  (await promisify(generateKeyPair)("rsa", { modulusLength: 2048 })).privateKey;

/**
 * The issuer of the project in `root`. Its key file is created once, and no stack needs to run. `create` makes a new
 * private key: RSA with 2,048 bits by default, which takes up to a second of CPU.
 */
export const loadIssuer = async (root: string, create = createKey): Promise<Issuer> => {
  const privateKey = await loadKey(path.join(root, ".sst/offline/issuer-key.pem"), create);
  const { n, e } = createPublicKey(privateKey).export({ format: "jwk" });
  const kid = createHash("sha256").update(`${n}`).digest("base64");
  return {
    jwks: { keys: [{ kty: "RSA", alg: "RS256", use: "sig", kid, n, e }] },
    token: (client, request) => signed(privateKey, { alg: "RS256", kid }, claims(client, request)),
  };
};

/** The key in `file`, or a new one where there is none or it cannot be read (a full disk leaves an empty file). */
const loadKey = async (file: string, create: typeof createKey): Promise<KeyObject> => {
  const existing = await readKey(file);
  if (existing) return existing;
  await mkdir(path.dirname(file), { recursive: true });
  // Before the lock is taken: on a busy machine this can take longer than a lock lives.
  const privateKey = await create();
  // Two commands that start at once must sign with one key.
  return withLock(`${file}.lock`, {}, async () => {
    const created = await readKey(file);
    if (created) return created;
    await writeFileAtomic(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    return privateKey;
  });
};

const readKey = async (file: string): Promise<KeyObject | undefined> => {
  try {
    return createPrivateKey(await readFile(file, "utf8"));
  } catch {
    return undefined;
  }
};

const claims = (
  { userPoolId, clientId }: AppClient,
  {
    username,
    subject = subjectOf(username),
    use = "access",
    expiresIn = 3_600,
    claims: further,
    now,
  }: TokenRequest,
) => {
  const [region] = userPoolId.split("_");
  const issuedAt = Math.floor(now / 1000);
  const common = {
    sub: subject,
    iss: `https://cognito-idp.${region}.amazonaws.com/${userPoolId}`,
    token_use: use,
    auth_time: issuedAt,
    iat: issuedAt,
    exp: issuedAt + expiresIn,
  };
  return use === "access"
    ? { ...common, client_id: clientId, scope: "aws.cognito.signin.user.admin", username }
    : { ...further, ...common, aud: clientId, "cognito:username": username };
};

/** The `sub` of a user name. */
export const subjectOf = (username: string): string => uuidOf(username);

const signed = (key: KeyObject, header: object, payload: object): string => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const content = `${encode(header)}.${encode(payload)}`;
  return `${content}.${sign("RSA-SHA256", Buffer.from(content), key).toString("base64url")}`;
};
