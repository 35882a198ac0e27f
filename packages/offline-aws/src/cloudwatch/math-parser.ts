/** A metric-math expression, parsed. */
export type Expression =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  /** Another query of the alarm, by its id. */
  | { readonly kind: "query"; readonly id: string }
  /** A bare upper-case word: `REPEAT`. */
  | { readonly kind: "word"; readonly word: string }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | { readonly kind: "negation"; readonly of: Expression }
  | {
      readonly kind: "operation";
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] };

/** An expression that the local stack cannot compute; the message is a sentence for the alarm's owner. */
export class MathError extends Error {
  override readonly name = "MathError";
}

const token =
  /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([a-z]\w*)|([A-Z][A-Z0-9_]*)|"([^"]*)"|'([^']*)'|(==|!=|<=|>=|&&|\|\||[-+*/()<>,[\]]))/y;

type Token =
  | { readonly kind: "number" | "id" | "word" | "text"; readonly text: string }
  | { readonly kind: "symbol"; readonly text: string };

const tokenize = (source: string): Token[] => {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (source.slice(token.lastIndex).trim() !== "") {
    const at = token.lastIndex;
    const match = token.exec(source);
    if (!match) throw new MathError(`"${source}" cannot be read from "${source.slice(at).trim()}" on.`);
    const [, number, id, word, double, single, symbol] = match;
    if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (id !== undefined) tokens.push({ kind: "id", text: id });
    else if (word !== undefined) tokens.push(wordToken(word));
    else if (symbol !== undefined) tokens.push({ kind: "symbol", text: logical[symbol] ?? symbol });
    else tokens.push({ kind: "text", text: double ?? single ?? "" });
  }
  return tokens;
};

const logical: Readonly<Record<string, string>> = { "&&": "AND", "||": "OR" };

const wordToken = (word: string): Token => ({
  kind: word === "AND" || word === "OR" ? "symbol" : "word",
  text: word,
});

/** Binary operators, the loosest first. */
const precedence: readonly ReadonlySet<string>[] = [
  new Set(["OR"]),
  new Set(["AND"]),
  new Set(["==", "!=", "<", ">", "<=", ">="]),
  new Set(["+", "-"]),
  new Set(["*", "/"]),
];

/** @throws {MathError} for what is no expression, or uses syntax that is not supported */
export const parseMath = (source: string): Expression => {
  const tokens = tokenize(source);
  let position = 0;

  const accept = (symbol: string): boolean => {
    const next = tokens[position];
    if (next?.kind !== "symbol" || next.text !== symbol) return false;
    position += 1;
    return true;
  };
  const expect = (symbol: string): void => {
    if (!accept(symbol)) throw unexpected(`"${symbol}"`);
  };
  const unexpected = (wanted: string): MathError =>
    new MathError(`"${source}" has ${tokens[position]?.text ?? "its end"} where ${wanted} should be.`);

  const listUntil = (end: string): Expression[] => {
    const items: Expression[] = [];
    if (accept(end)) return items;
    do items.push(binary(0));
    while (accept(","));
    expect(end);
    return items;
  };

  const binary = (level: number): Expression => {
    const operators = precedence[level];
    if (!operators) return unary();
    let left = binary(level + 1);
    for (;;) {
      const next = tokens[position];
      if (next?.kind !== "symbol" || !operators.has(next.text)) return left;
      position += 1;
      left = { kind: "operation", operator: next.text, left, right: binary(level + 1) };
    }
  };

  const unary = (): Expression => (accept("-") ? { kind: "negation", of: unary() } : primary());

  const primary = (): Expression => {
    if (accept("(")) {
      const [inner, ...others] = listUntil(")");
      if (!inner || others.length > 0) throw unexpected("one expression in parentheses");
      return inner;
    }
    if (accept("[")) return { kind: "list", items: listUntil("]") };
    const next = tokens[position];
    if (!next || next.kind === "symbol") throw unexpected("a value");
    position += 1;
    switch (next.kind) {
      case "number":
        return { kind: "number", value: Number(next.text) };
      case "text":
        return { kind: "text", value: next.text };
      case "id":
        return { kind: "query", id: next.text };
      case "word":
        return accept("(")
          ? { kind: "call", name: next.text, args: listUntil(")") }
          : { kind: "word", word: next.text };
    }
  };

  const expression = binary(0);
  if (position < tokens.length) throw unexpected("its end");
  return expression;
};
