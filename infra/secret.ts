import { RandomPassword } from "@pulumi/random";

const password = new RandomPassword("SigningKeyValue", { length: 64, special: false });

/**
 * Signs tickets and hides addresses. Made with the stage: an `sst.Secret` would stop every new preview until somebody
 * had set it.
 */
export const signingKey = new sst.Linkable("SigningKey", { properties: { value: password.result } });
