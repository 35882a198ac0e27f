import { settings } from "./stage";

// Imported when the program runs: the CLI bundles this file to read the app's name first, on a fresh checkout before the
// platform that brings the package is there.
const { RandomPassword } = await import("@pulumi/random");

const password = new RandomPassword("SigningKeyValue", {
  length: 64,
  special: false,
  // Another value here, and the key is made anew. The first version has none, as stages have that were there before it.
  ...(settings.signingKeyVersion > 1 ? { keepers: { version: `${settings.signingKeyVersion}` } } : {}),
});

/**
 * Signs tickets and hides addresses. Made with the stage: an `sst.Secret` would stop every new preview until somebody
 * had set it.
 */
export const signingKey = new sst.Linkable("SigningKey", { properties: { value: password.result } });
