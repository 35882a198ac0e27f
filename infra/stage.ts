import { checkLive, settingsFor } from "./settings";

/** This stage's settings. */
export const settings = settingsFor($app.stage);

if ($dev) checkLive($app.stage);

/** The physical name of a resource on this stage: `Sessions-prod`. */
export const named = (name: string): string => `${name}-${$app.stage}`;
