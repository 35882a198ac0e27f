type Paint = (text: string) => string;

export interface Paints {
  readonly header?: Paint;
  /** By a cell's whole text. */
  readonly cells?: Readonly<Record<string, Paint>>;
}

/** A number, one with its unit or its limit (`12 ms`, `3 / 4`, `≤ 2 s`), or none. */
const numeric = /^(|–|[≤≥] .*|[\d.,]+( [^ ]{1,2}( \d+)?)?)$/;

const asIs: Paint = (text) => text;

/** A table as text: columns as wide as they need to be, those of numbers to the right. */
export const table = (
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { header: paintHeader = asIs, cells: paints = {} }: Paints = {},
): string => {
  const columns = header.map((name, column) => {
    const texts = rows.map((row) => row[column] ?? "");
    return {
      width: Math.max(name.length, ...texts.map(({ length }) => length)),
      right: texts.every((text) => numeric.test(text)),
    };
  });
  const line = (cells: readonly string[], paintOf: (text: string) => Paint) =>
    columns
      .map(({ width, right }, column) => {
        const text = cells[column] ?? "";
        return paintOf(text)(right ? text.padStart(width) : text.padEnd(width));
      })
      .join("  ")
      .trimEnd();
  return [line(header, () => paintHeader), ...rows.map((row) => line(row, (text) => paints[text] ?? asIs))]
    .map((text) => `  ${text}`)
    .join("\n");
};
