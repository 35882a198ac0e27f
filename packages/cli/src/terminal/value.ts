import { UserError } from "offline-aws";

/** The bounds of an option's number, each with the reason for it where it needs one. */
export interface Bounds {
  readonly least: number;
  readonly leastWhy?: string;
  readonly most: number;
  readonly mostWhy?: string;
  readonly whole?: boolean;
}

/** @throws {UserError} naming the option and its bounds */
export const numberIn = (
  option: string,
  text: string,
  { least, leastWhy, most, mostWhy, whole = false }: Bounds,
): number => {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  const because = (why: string | undefined) => (why ? ` (${why})` : "");
  throw new UserError(
    `--${option} takes a ${whole ? "whole number" : "number"} from ${least}${because(leastWhy)} to ${most}${because(mostWhy)}, not ${text}.`,
  );
};

/** A whole number from 1. */
export const countIn = (option: string, text: string, most: number): number =>
  numberIn(option, text, { least: 1, most, whole: true });

/** @throws {UserError} that begins with `takes`: what the option takes */
export const urlIn = (text: string, protocols: readonly string[], takes: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && protocols.includes(url.protocol)) return url;
  throw new UserError(`${takes}, not ${text}.`);
};

export const isStageName = (text: string): boolean => /^[a-zA-Z][a-zA-Z0-9-]*$/.test(text);
