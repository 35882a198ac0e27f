import { Resource } from "sst";

/** As SST writes it into `sst-env.d.ts` at a deployment; a checkout has none, and a removal leaves it empty. */
declare module "sst" {
  interface Resource {
    SigningKey: { type: "sst.sst.Linkable"; value: string };
  }
}

/** The only place that reads what SST links to a function. A function that has not been given the key fails on use. */
export const signingKey = (): string => Resource.SigningKey.value;
