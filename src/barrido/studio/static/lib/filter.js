// Filters over the table of trials: `lr < 0.1 and status = Completed or solver in (adam, "my sgd")`.
//
//   either  = both {"or" both}
//   both    = one {"and" one}
//   one     = "not" one | "(" either ")" | column test
//   test    = ("=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~") value | ["not"] "in" "(" value {"," value} ")"
//
// Column names with odd characters stand in backticks or quotes. `~` is "contains". `none` is what is not there.

import { numeric } from "studio/lib/formats.js";

const TOKEN = /\s*(?:(`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(!=|<>|<=|>=|==|!~|[=<>~(),])|([^\s`"'=<>~!(),]+))/uy;
const SECONDS = { s: 1, m: 60, h: 3600, d: 86400 };
const COMPARE = { "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b };

/** What is wrong with a filter, and where: characters `at` to `at + length`. */
class FilterError extends Error {
  constructor(message, at, length = 1) {
    super(message);
    this.at = at;
    this.length = Math.max(1, length);
  }
}

/**
 * A filter as a function `(table, row, now) => boolean`, null for an empty one. `columns`: descriptors of lib/columns.js.
 * Throws FilterError.
 */
export function parseFilter(text, columns) {
  const tokens = tokensOf(text);
  if (tokens.length === 1) return null;
  const parser = new Parser(tokens, columns);
  const test = parser.either();
  const rest = parser.next();
  if (rest.kind !== "end") throw wrong(rest, `“and” or “or” is missing before ${shown(rest)}`);
  return test;
}

function tokensOf(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) {
      const at = from + (/^\s*/.exec(text.slice(from))[0].length);
      if (at >= text.length) break;
      const isQuote = "`\"'".includes(text[at]);
      throw new FilterError(isQuote ? `the ${text[at]} is never closed` : `“${text[at]}” means nothing here`, at, isQuote ? text.length - at : 1);
    }
    const [whole, quoted, sign, word] = match;
    const raw = quoted ?? sign ?? word;
    const at = from + whole.length - raw.length;
    const kind = quoted ? "quoted" : sign ? "sign" : "word";
    tokens.push({ kind, text: quoted ? raw.slice(1, -1).replace(/\\(.)/g, "$1") : raw, at, length: raw.length });
  }
  tokens.push({ kind: "end", text: "", at: text.length, length: 1 });
  return tokens;
}

class Parser {
  constructor(tokens, columns) {
    this.tokens = tokens;
    this.columns = columns;
    this.place = 0;
  }

  peek() {
    return this.tokens[this.place];
  }

  next() {
    const token = this.tokens[this.place];
    if (token.kind !== "end") this.place += 1;
    return token;
  }

  takes(text) {
    const token = this.peek();
    const isIt = (token.kind === "word" && token.text.toLowerCase() === text) || (token.kind === "sign" && token.text === text);
    if (isIt) this.place += 1;
    return isIt;
  }

  either() {
    const tests = [this.both()];
    while (this.takes("or")) tests.push(this.both());
    return tests.length === 1 ? tests[0] : (...row) => tests.some((test) => test(...row));
  }

  both() {
    const tests = [this.one()];
    while (this.takes("and")) tests.push(this.one());
    return tests.length === 1 ? tests[0] : (...row) => tests.every((test) => test(...row));
  }

  one() {
    if (this.takes("not")) {
      const test = this.one();
      return (...row) => !test(...row);
    }
    if (this.takes("(")) {
      const test = this.either();
      const close = this.next();
      if (close.text !== ")" || close.kind !== "sign") throw wrong(close, "a ) is missing");
      return test;
    }
    return this.comparison();
  }

  comparison() {
    const name = this.next();
    if (name.kind === "end") throw wrong(name, "a column's name is missing");
    if (name.kind === "sign") throw wrong(name, `a column's name is missing before “${name.text}”`);
    const column = findColumn(name, this.columns);
    if (this.takes("in")) return this.among(column);
    if (this.takes("not")) {
      const token = this.peek();
      if (!this.takes("in")) throw wrong(token, "“not” here goes on with “in (…)”");
      const test = this.among(column);
      return (...row) => !test(...row);
    }
    const sign = this.next();
    if (sign.kind !== "sign" || "(),".includes(sign.text)) throw wrong(sign, `one of = != < <= > >= ~ or “in (…)” is missing after “${name.text}”`);
    return testOf(column, sign, this.value());
  }

  among(column) {
    const open = this.next();
    if (open.text !== "(" || open.kind !== "sign") throw wrong(open, "“in” goes on with values in brackets: in (adam, sgd)");
    const tests = [];
    do tests.push(testOf(column, { text: "=" }, this.value()));
    while (this.takes(","));
    const close = this.next();
    if (close.text !== ")" || close.kind !== "sign") throw wrong(close, "a comma or a ) is missing");
    return (...row) => tests.some((test) => test(...row));
  }

  value() {
    const token = this.next();
    if (token.kind !== "word" && token.kind !== "quoted") throw wrong(token, "a value is missing");
    return token;
  }
}

function findColumn(token, columns) {
  const name = token.text;
  const found = columns.find((one) => one.names.includes(name)) ?? columns.find((one) => one.names.some((known) => known.toLowerCase() === name.toLowerCase()));
  if (found) return found;
  const near = columns.flatMap((one) => one.names).map((known) => [distance(known.toLowerCase(), name.toLowerCase()), known]).sort((a, b) => a[0] - b[0])[0];
  throw wrong(token, `there is no column “${name}”${near && near[0] <= Math.max(1, name.length / 3) ? `; did you mean ${near[1]}?` : ""}`);
}

function testOf(column, { text: sign }, token) {
  const wanted = token.text.toLowerCase();
  const isNone = token.kind === "word" && wanted === "none";
  if (sign === "~" || sign === "!~") {
    const contains = (table, row, now) => column.text(table, row, now).toLowerCase().includes(wanted);
    return sign === "~" ? contains : (...row) => !contains(...row);
  }
  if (sign in COMPARE) {
    const bound = boundOf(column, token);
    const compare = COMPARE[sign];
    return (table, row, now) => {
      const value = column.value(table, row, now);
      return value !== null && value !== "" && compare(numeric(value), bound);
    };
  }
  const number = isNone ? NaN : plainNumber(column, token.text);
  const isEqual = (table, row, now) => {
    const value = column.value(table, row, now);
    if (value === null || value === "") return isNone;
    if (!Number.isNaN(number) && !Number.isNaN(numeric(value))) return numeric(value) === number;
    return column.words ? column.words(table, row).some((word) => word.toLowerCase() === wanted) : column.text(table, row, now).toLowerCase() === wanted;
  };
  return sign === "=" || sign === "==" ? isEqual : (...row) => !isEqual(...row);
}

function boundOf(column, token) {
  const bound = plainNumber(column, token.text);
  if (Number.isNaN(bound)) throw wrong(token, `${shown(token)} is no number; for text there are = and ~`);
  return bound;
}

/** A number; for durations with a unit, too: 90s, 5m, 1.5h. */
function plainNumber(column, text) {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?inf(?:inity)?)([smhd]?)$/i.exec(text);
  if (!match || (match[2] && column.kind !== "duration")) return NaN;
  const size = /inf/i.test(match[1]) ? (match[1].startsWith("-") ? -Infinity : Infinity) : Number(match[1]);
  return size * (SECONDS[match[2].toLowerCase()] ?? 1);
}

function wrong(token, message) {
  return new FilterError(message, token.at, token.length);
}

function shown(token) {
  return token.kind === "end" ? "the end" : `“${token.text}”`;
}

/** How many letters differ (Levenshtein). */
function distance(a, b) {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) row[j] = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    above = row;
  }
  return above[b.length];
}
