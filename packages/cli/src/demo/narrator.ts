import { colorsFor, type Output } from "offline-aws/terminal";
import { asDuration } from "../statistic.js";

export type Narrator = ReturnType<typeof createNarrator>;

/** Prints a session as lines; on a terminal each participant has a colour. */
export const createNarrator = (output: Output) => {
  const color = colorsFor(output);
  const palette = [color.yellow, color.cyan, color.green, color.blue, color.red];
  const paints = new Map<string, (text: string) => string>([["speaker", color.magenta]]);
  const begun = performance.now();
  const paintOf = (who: string) => {
    // Listeners of one language have one colour: `es 2` and `es 1`.
    const [group = who] = who.split(" ");
    const paint = paints.get(group) ?? palette[(paints.size - 1) % palette.length] ?? color.white;
    paints.set(group, paint);
    return paint;
  };
  const say = (text: string) => void output.write(`${text}\n`);
  const line = (who: string, arrow: string, text: string) => {
    const at = ((performance.now() - begun) / 1_000).toFixed(2).padStart(6);
    say(`${color.dim(`${at} s`)}  ${paintOf(who)(who.padEnd(8))} ${color.dim(arrow)} ${text}`);
  };
  return {
    color,
    say,
    /** Prints a heading. */
    scene: (title: string) => say(`\n${color.bold(title)}`),
    does: (who: string, what: string) => line(who, "→", what),
    /** A frame, after `tookMs` where there was something to wait for. */
    gets: (who: string, type: string, text: string, tookMs?: number) => {
      const took = tookMs === undefined ? "" : color.dim(`(${asDuration(tookMs)})`);
      const name = type === "error" ? color.red(type) : color.bold(type);
      line(who, "←", [name, text, took].filter(Boolean).join("  "));
    },
    /** Something that happened to somebody's socket. */
    notes: (who: string, text: string) => line(who, "·", color.dim(text)),
  };
};
