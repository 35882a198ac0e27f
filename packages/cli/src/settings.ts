import { UserError } from "offline-aws";

/**
 * A stage's settings. The schema is loaded only by the commands that need it.
 * @throws {UserError} when a setting is wrong
 */
export const settingsOf = (stage: string) => asked(({ settingsFor }) => settingsFor(stage));

/** @throws {UserError} unless the stage may have live functions */
export const checkLive = (stage: string) => asked((settings) => settings.checkLive(stage));

/** The shared stage that somebody may have meant: `prod` for `Prod`. */
export const meantStage = (stage: string) => asked((settings) => settings.meantStage(stage));

type Settings = typeof import("../../../infra/settings.js");

const asked = async <Answer>(question: (settings: Settings) => Answer): Promise<Answer> => {
  const settings = await import("../../../infra/settings.js");
  try {
    return question(settings);
  } catch (error) {
    if (error instanceof Error && error.name === "SettingError") throw new UserError(error.message);
    throw error;
  }
};
