import { settingsFor } from "./config";

/** This stage's settings. */
export const settings = settingsFor($app.stage);

/** The physical name of something on this stage: `Sessions-prod`. */
export const named = (name: string): string => `${name}-${$app.stage}`;
