import { empty, fold, h, show, table } from "./dom.js";
import { clock, momentOf, plural } from "./format.js";

/** How many parents are unfolded before the reader opens any. */
const openParents = 3;

/**
 * Shows the tables' rows. A table whose key is an attribute of another table comes first, and each of its rows
 * holds the rows that name it: an order with its lines, a room with its guests. Rows that are named come first, then the
 * latest.
 */
export const showTables = ({ tables, now }) => {
  const families = tables.map((parent) => ({ parent, children: childrenOf(parent, tables) }));
  const parents = families.filter(({ children }) => children.length > 0);
  const nested = new Set(parents.flatMap(({ children }) => children));
  const single = tables.filter((each) => !nested.has(each) && !parents.some(({ parent }) => parent === each));
  const total = tables.reduce((sum, { rows }) => sum + rows.length, 0);
  show("tables", total || undefined, [
    ...parents.flatMap((family) => familyOf(family, now)),
    ...single.map((each) => whole(each, each.rows, now, each.name)),
    ...(tables.length === 0 ? [empty("The program declares no tables.")] : []),
  ]);
};

const childrenOf = (parent, tables) => {
  const [key, ...more] = parent.keys;
  if (more.length > 0) return [];
  const others = tables.filter(({ name, keys }) => name !== parent.name && !keys.includes(key));
  return others.filter(
    ({ indexed, rows }) => indexed.includes(key) || rows.some((row) => row[key] !== undefined),
  );
};

const familyOf = ({ parent, children }, now) => {
  const [key] = parent.keys;
  const families = parent.rows
    .map((row) => ({ row, parts: partsOf(row, key, children, now), touched: latest(row, now) }))
    .sort((a, b) => (b.parts.length > 0) - (a.parts.length > 0) || b.touched - a.touched);
  const known = new Set(parent.rows.map((row) => row[key]));
  return [
    ...families.map(({ row, parts }, index) => {
      const counts = parts.map(({ child, rows }) => `${plural(rows.length, "row")} in ${child.name}`);
      return fold(
        {
          key: `${parent.name}/${row[key]}`,
          open: index < openParents,
          summary: h("span", { class: "name mono strong" }, row[key]),
          end: [parent.name, ...counts].join(", "),
        },
        h("dl", { class: "attributes" }, attributesOf(row, key, now)),
        parts.map(({ child, rows }) => rowsTable(child, rows, now, key)),
      );
    }),
    ...(parent.rows.length === 0 ? [whole(parent, [], now, parent.name)] : []),
    ...children.flatMap((child) => {
      const rest = child.rows.filter((row) => !known.has(row[key]));
      return rest.length > 0 ? [whole(child, rest, now, `${child.name}, of no ${parent.name} row`)] : [];
    }),
    ...(parent.more ? [empty(`${parent.name} has more rows than are shown here.`)] : []),
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
    .map(([name, text]) => h("div", null, h("dt", null, name), h("dd", { class: "mono" }, value(text, now))));

const value = (text, now) => {
  const at = momentOf(text, now);
  return at === undefined ? text : clock(at, now);
};

const whole = (definition, rows, now, title) =>
  fold(
    {
      key: `${definition.name}/`,
      summary: h("span", { class: "name mono" }, title),
      end: plural(rows.length, "item"),
    },
    rows.length > 0 ? rowsTable(definition, rows, now) : empty("No items."),
    definition.more ? empty("It has more items than are shown here.") : null,
  );

/** The key comes first; `known`, the parent's key, is left out. */
const rowsTable = ({ name, keys }, rows, now, known) => {
  const others = new Set(rows.flatMap(Object.keys));
  for (const key of [...keys, known]) others.delete(key);
  const names = [...keys, ...others];
  const lines = rows.map((row) =>
    h(
      "tr",
      { "data-key": keys.map((key) => row[key]).join(" ") },
      names.map((column) =>
        row[column] === undefined
          ? h("td", { class: "none" }, "–")
          : h("td", { class: "mono", title: row[column] }, value(row[column], now)),
      ),
    ),
  );
  return h("div", { class: "rows", "data-key": name, tabindex: 0 }, table("", names, lines));
};
