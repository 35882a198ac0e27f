import { Resource } from "sst";

/** SST writes this type into `sst-env.d.ts` when it deploys; a fresh checkout has no such file. */
declare module "sst" {
  interface Resource {
    SigningKey: { type: "sst.sst.Linkable"; value: string };
  }
}

/** This is the only module that reads SST's links. Throws in a function that is not linked to the key. */
export const signingKey = (): string => Resource.SigningKey.value;
