import { settingsFor } from "./settings";

/** This stage's settings. */
export const settings = settingsFor($app.stage);

/** The physical name of a resource on this stage: `Sessions-prod`. */
export const named = (name: string): string => `${name}-${$app.stage}`;
