import { fold, h, note, show, table } from "./dom.js";
import { attributeValue, momentOf, plural } from "./format.js";

/** How many parents are unfolded before the reader opens any. */
const openParents = 3;

/**
 * Shows the tables' rows. A table whose key is an attribute of another table comes first, and each of its rows
 * holds the rows that name it: an order with its lines, a room with its guests. Rows that are named come first, then the
 * latest.
 */
export const showTables = ({ tables, now }) => {
  const families = tables
    .map((parent) => ({ parent, children: childrenOf(parent, tables) }))
    .filter(({ children }) => children.length > 0);
  const related = new Set(families.flatMap(({ parent, children }) => [parent, ...children]));
  const shown = [
    ...families.flatMap((family) => familyOf(family, now)),
    ...tables.filter((each) => !related.has(each)).map((each) => whole(each, each.rows, now)),
  ];
  show("tables", shown, "The program declares no tables.");
};

const childrenOf = ({ name: parent, keys: [key, range] }, tables) =>
  range === undefined
    ? tables.filter(
        ({ name, keys, indexed, rows }) =>
          name !== parent && !keys.includes(key) && (indexed.includes(key) || rows.some((row) => key in row)),
      )
    : [];

const familyOf = ({ parent, children }, now) => {
  const [key] = parent.keys;
  const known = new Set(parent.rows.map((row) => row[key]));
  const families = parent.rows
    .map((row) => ({ row, parts: partsOf(row, key, children, now), touched: latest(row, now) }))
    .sort((a, b) => (b.parts.length > 0) - (a.parts.length > 0) || b.touched - a.touched)
    .map(({ row, parts }, index) => {
      const counts = parts.map(({ child, rows }) => `${plural(rows.length, "row")} in ${child.name}`);
      return fold(
        {
          key: `${parent.name}/${row[key]}`,
          open: index < openParents,
          title: h("strong.mono", row[key]),
          end: [parent.name, ...counts].join(", "),
        },
        h("dl.bar", attributesOf(row, key, now)),
        parts.map(({ child, rows }) => rowsTable(child, rows, now, key)),
      );
    });
  const orphans = children.flatMap((child) => {
    const rest = child.rows.filter((row) => !known.has(row[key]));
    return rest.length > 0 ? [whole(child, rest, now, `${child.name}, of no ${parent.name} row`)] : [];
  });
  return [
    ...(parent.rows.length > 0 ? families : [whole(parent, [], now)]),
    ...orphans,
    ...(parent.more ? [note(`${parent.name} has more rows than are shown here.`)] : []),
  ];
};

/** The rows of other tables that name this one, in the order in which they came. */
const partsOf = (row, key, children, now) =>
  children
    .map((child) => ({ child, rows: child.rows.filter((each) => each[key] === row[key]) }))
    .filter(({ rows }) => rows.length > 0)
    .map(({ child, rows }) => ({ child, rows: rows.sort((a, b) => latest(a, now) - latest(b, now)) }));

/** The latest moment of the past that a row holds, in ms. */
const latest = (row, now) =>
  Math.max(
    0,
    ...Object.values(row)
      .map((text) => momentOf(text, now) ?? 0)
      .filter((at) => at <= now),
  );

const attributesOf = (row, key, now) =>
  Object.entries(row)
    .filter(([name]) => name !== key)
    .map(([name, text]) => h("div", h("dt.quiet", name), h("dd.mono", attributeValue(text, now))));

const whole = (definition, rows, now, title = definition.name) =>
  fold(
    { key: `${definition.name}/`, title: h("span.mono", title), end: plural(rows.length, "item") },
    rows.length > 0 ? rowsTable(definition, rows, now) : note("No items."),
    definition.more && note("It has more items than are shown here."),
  );

/** The key comes first; `known`, the parent's key, is left out. */
const rowsTable = ({ name, keys }, rows, now, known) => {
  const columns = [...new Set([...keys, ...rows.flatMap(Object.keys)])].filter((each) => each !== known);
  const lines = rows.map((row) =>
    h(
      "tr",
      { "data-key": keys.map((key) => row[key]).join(" ") },
      columns.map((column) =>
        column in row
          ? h("td.mono", { title: row[column] }, attributeValue(row[column], now))
          : h("td.quiet", "–"),
      ),
    ),
  );
  return table(columns, lines, { "data-key": name });
};
