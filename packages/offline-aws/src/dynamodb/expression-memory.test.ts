import conditionParser from "dynalite/db/conditionParser.js";
import updateParser from "dynalite/db/updateParser.js";
import { expect, test, vi } from "vitest";
import { type Context, type Parser, rememberExpressions } from "./expression-memory.js";

const context = (attrNames: Record<string, unknown>, attrVals: Record<string, unknown>) => ({
  attrNames,
  attrVals,
  unusedAttrNames: { ...attrNames },
  unusedAttrVals: { ...attrVals },
  isReserved: (name: string) => name === "ttl",
  compare: (_: string, { N: left }: { N: string }, { N: right }: { N: string }) =>
    Number(left) > Number(right),
});

const remembering = ({ parse }: Parser) => {
  const parser = vi.fn(parse);
  const remembered = rememberExpressions(parser);
  return { parser, parse: (text: string, of: Context) => remembered(text, { context: of }) };
};

const open = "#active = :true AND #expiresAt > :now AND attribute_exists(#id)";
const names = { "#active": "isActive", "#expiresAt": "expiresAt", "#id": "id" };
const at = (now: string) => context(names, { ":true": { BOOL: true }, ":now": { N: now } });

test("a second request with the same expression is not parsed, and gets its own values", () => {
  const { parser, parse } = remembering(conditionParser);
  const [first, second] = [parse(open, at("1")), parse(open, at("2"))];
  expect(parser).toHaveBeenCalledTimes(1);
  expect(first).toEqual(conditionParser.parse(open, { context: at("1") }));
  expect(second).toEqual(conditionParser.parse(open, { context: at("2") }));
});

test("a remembered expression marks the same placeholders as used", () => {
  const { parse } = remembering(conditionParser);
  parse(open, at("1"));
  const later = context({ ...names }, { ":true": { BOOL: true }, ":now": { N: "2" } });
  parse(open, later);
  expect([later.unusedAttrNames, later.unusedAttrVals]).toEqual([{}, {}]);
});

test("placeholders that another expression of the request has used stay used", () => {
  const { parse } = remembering(conditionParser);
  const text = "#id = :now";
  for (const now of ["1", "2"]) {
    const request = at(now);
    delete request.unusedAttrNames["#active"];
    parse(text, request);
    expect([Object.keys(request.unusedAttrNames), Object.keys(request.unusedAttrVals)]).toEqual([
      ["#expiresAt"],
      [":true"],
    ]);
  }
});

test("dynalite may write into a tree without harm to the next request", () => {
  const { parse } = remembering(updateParser);
  const text = "SET #expiresAt = if_not_exists(#expiresAt, :now) REMOVE #id";
  const request = (now: string) =>
    context({ "#expiresAt": "expiresAt", "#id": "id" }, { ":now": { N: now } });
  for (const now of ["1", "2", "3"]) {
    const tree = parse(text, request(now));
    expect(tree).toEqual(updateParser.parse(text, { context: request(now) }));
    for (const section of Reflect.get(Object(tree), "sections")) section.val = "resolved";
  }
});

test.each([
  ["other names", context({ "#a": "x" }, { ":v": { S: "1" } }), context({ "#a": "y" }, { ":v": { S: "1" } })],
  [
    "a value of another type",
    context({ "#a": "x" }, { ":v": { S: "1" } }),
    context({ "#a": "x" }, { ":v": { N: "1" } }),
  ],
])("the same text with %s is parsed again", (_, one, other) => {
  const { parser, parse } = remembering(conditionParser);
  parse("#a = :v", one);
  expect(parse("#a = :v", other)).toEqual(conditionParser.parse("#a = :v", { context: other }));
  expect(parser).toHaveBeenCalledTimes(2);
});

test("BETWEEN is checked against each request's values", () => {
  const { parse } = remembering(conditionParser);
  const between = (low: string, high: string) =>
    parse("#a BETWEEN :low AND :high", context({ "#a": "x" }, { ":low": { N: low }, ":high": { N: high } }));
  expect(between("1", "2")).toMatchObject({ expression: { type: "between" } });
  expect(between("2", "1")).toMatch(/upper bound to be greater than or equal to lower bound/);
});

test("a type's name in attribute_type is checked for each request", () => {
  const { parse } = remembering(conditionParser);
  const typed = (type: string) =>
    parse("attribute_type(#a, :type)", context({ "#a": "x" }, { ":type": { S: type } }));
  expect(typed("S")).toMatchObject({ expression: { name: "attribute_type" } });
  expect(typed("X")).toMatch(/Invalid attribute type name/);
});

test("a refused expression is refused again, in the same words", () => {
  const { parse } = remembering(conditionParser);
  const refused = () => parse("ttl = :v", context({}, { ":v": { S: "1" } }));
  expect([refused(), refused()]).toEqual(Array(2).fill(expect.stringContaining("reserved keyword: ttl")));
  expect(() => parse("#a =", context({ "#a": "x" }, {}))).toThrow();
  expect(() => parse("#a =", context({ "#a": "x" }, {}))).toThrow();
});

test("attributes may be called as an object's own members are", () => {
  const { parse } = remembering(conditionParser);
  for (const value of ["1", "2"]) {
    const tree = parse("#a.#b = :v", context({ "#a": "list", "#b": "toString" }, { ":v": { S: value } }));
    expect(Reflect.get(Object(tree), "nestedPaths").constructor).toBeUndefined();
  }
});
