import { UserError } from "offline-aws";

/**
 * A stage's settings. The schema is loaded only by the commands that need it.
 * @throws {UserError} when a setting is wrong
 */
export const settingsOf = async (stage: string) => {
  const { settingsFor } = await import("../../../infra/settings.js");
  try {
    return settingsFor(stage);
  } catch (error) {
    if (error instanceof Error && error.name === "SettingError") throw new UserError(error.message);
    throw error;
  }
};
