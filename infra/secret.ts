import { settings } from "./stage";

// Imported only when the program runs. The CLI bundles this file to read the app's name, and on a fresh checkout the
// platform with this package is not there yet.
const { RandomPassword } = await import("@pulumi/random");

const password = new RandomPassword("SigningKeyValue", {
  length: 64,
  special: false,
  // Another value replaces the key. Version 1 has no value, because older stages have none.
  ...(settings.signingKeyVersion > 1 ? { keepers: { version: `${settings.signingKeyVersion}` } } : {}),
});

/** Signs tickets and hashes addresses. An `sst.Secret` would stop every new preview until somebody had set it. */
export const signingKey = new sst.Linkable("SigningKey", { properties: { value: password.result } });
