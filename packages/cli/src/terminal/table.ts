import Table from "cli-table3";

type Paint = (text: string) => string;

export interface Paints {
  readonly header?: Paint;
  /** By a cell's whole text. */
  readonly cells?: Readonly<Record<string, Paint>>;
}

/** A number, one with its unit or its limit (`12 ms`, `3 / 4`, `≤ 2 s`), or none. */
const numeric = /^(|–|[≤≥] .*|[\d.,]+( [^ ]{1,2}( \d+)?)?)$/;

const sides = ["top", "bottom", "left", "mid", "right"];
const borders = [
  ...sides,
  ...sides.flatMap((side) => ["mid", "left", "right"].map((end) => `${side}-${end}`)),
];

/** A table as text without borders; a column of numbers is aligned to the right. */
export const table = (
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { header: paintHeader = String, cells: paints = {} }: Paints = {},
): string => {
  const text = new Table({
    head: header.map(paintHeader),
    colAligns: header.map((_, column) =>
      rows.every((row) => numeric.test(row[column] ?? "")) ? "right" : "left",
    ),
    style: { head: [], "padding-left": 2, "padding-right": 0 },
    chars: { ...Object.fromEntries(borders.map((name) => [name, ""])), middle: "" },
  });
  text.push(...rows.map((row) => row.map((cell) => (paints[cell] ?? String)(cell))));
  return text.toString().replaceAll(/ +$/gm, "");
};
