/** A value in DynamoDB's JSON. An item that the engine has accepted holds exactly one of these per attribute. */
export interface AttributeValue {
  readonly S?: string;
  readonly N?: string;
  readonly B?: string;
  readonly BOOL?: boolean;
  readonly NULL?: boolean;
  readonly SS?: readonly string[];
  readonly NS?: readonly string[];
  readonly BS?: readonly string[];
  readonly L?: readonly AttributeValue[];
  readonly M?: Item;
}

export type Item = { readonly [attribute: string]: AttributeValue };

/** The attributes of `item` that `names` lists and that it has. */
export const pick = (item: Item, names: Iterable<string>): Item => {
  const picked: Record<string, AttributeValue> = {};
  for (const name of names) {
    const value = item[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
};

/** Bytes that DynamoDB counts for an item: the names and the values, in UTF-8. */
export const itemSize = (item: Item): number => {
  let size = 0;
  for (const [name, value] of Object.entries(item)) size += Buffer.byteLength(name) + valueSize(value);
  return size;
};

const containerOverhead = 3;

const valueSize = (value: AttributeValue): number => {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return numberSize(value.N);
  if (value.B !== undefined) return Buffer.byteLength(value.B, "base64");
  if (value.SS) return sum(value.SS, (text) => Buffer.byteLength(text));
  if (value.NS) return sum(value.NS, numberSize);
  if (value.BS) return sum(value.BS, (text) => Buffer.byteLength(text, "base64"));
  if (value.L) return containerOverhead + sum(value.L, (member) => 1 + valueSize(member));
  if (value.M) return containerOverhead + Object.keys(value.M).length + itemSize(value.M);
  return 1;
};

/** One byte per two significant digits, one more for the exponent and one for a sign. */
const numberSize = (text: string): number => {
  const digits = canonicalNumber(text).replace(/[-.]/g, "").replace(/^0+/, "").replace(/0+$/, "").length;
  return digits === 0 ? 1 : 1 + Math.ceil(digits / 2) + (text.startsWith("-") ? 1 : 0);
};

const sum = <T>(values: readonly T[], size: (value: T) => number): number =>
  values.reduce((total, value) => total + size(value), 0);

/** True when two items hold the same data: sets have no order, and 1.0 is 1. */
export const sameItem = (a: Item, b: Item): boolean => {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => {
      const [left, right] = [a[name], b[name]];
      return left !== undefined && right !== undefined && sameValue(left, right);
    })
  );
};

const sameValue = (a: AttributeValue, b: AttributeValue): boolean => {
  if (a.S !== undefined) return a.S === b.S;
  if (a.N !== undefined) return b.N !== undefined && canonicalNumber(a.N) === canonicalNumber(b.N);
  if (a.B !== undefined) return a.B === b.B;
  if (a.BOOL !== undefined) return a.BOOL === b.BOOL;
  if (a.NULL !== undefined) return b.NULL !== undefined;
  if (a.SS) return sameSet(a.SS, b.SS);
  if (a.NS) return sameSet(a.NS.map(canonicalNumber), b.NS?.map(canonicalNumber));
  if (a.BS) return sameSet(a.BS, b.BS);
  if (a.M) return b.M !== undefined && sameItem(a.M, b.M);
  const [left, right] = [a.L ?? [], b.L];
  return (
    right?.length === left.length &&
    left.every((member, index) => {
      const other = right[index];
      return other !== undefined && sameValue(member, other);
    })
  );
};

const sameSet = (a: readonly string[], b: readonly string[] | undefined): boolean => {
  const members = new Set(b);
  return a.length === b?.length && a.every((member) => members.has(member));
};

const decimal = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

/** The spelling in which DynamoDB keeps a number: `1.0` and `10e-1` become `1`. Text that is no number stays as it is. */
export const canonicalNumber = (text: string): string => {
  const [matched, sign, whole = "", fraction = "", exponent = "0"] = decimal.exec(text) ?? [];
  if (matched === undefined || whole + fraction === "") return text;
  const point = whole.length + Number(exponent);
  const digits = (whole + fraction).padEnd(point, "0");
  const shifted = point <= 0 ? "0".repeat(1 - point) + digits : digits;
  const at = Math.max(point, 1);
  const integer = shifted.slice(0, at).replace(/^0+(?=\d)/, "");
  const rest = shifted.slice(at).replace(/0+$/, "");
  const magnitude = rest === "" ? integer : `${integer}.${rest}`;
  return sign === "-" && magnitude !== "0" ? `-${magnitude}` : magnitude;
};

/** A client's value with its numbers spelled as DynamoDB keeps them, so that images equal what a read returns. */
export const withCanonicalNumbers = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withCanonicalNumbers);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, canonicalMember(name, inner)]),
  );
};

// An attribute may itself be called N: its value is then an object, never a string.
const canonicalMember = (name: string, inner: unknown): unknown => {
  if (name === "N" && typeof inner === "string") return canonicalNumber(inner);
  if (name === "NS" && Array.isArray(inner)) {
    return inner.map((member) => (typeof member === "string" ? canonicalNumber(member) : member));
  }
  return withCanonicalNumbers(inner);
};
