import { Resource } from "sst";

/** The only place that reads what SST links to a function. A function that has not been given the key fails on use. */
export const signingKey = (): string => Resource.SigningKey.value;
