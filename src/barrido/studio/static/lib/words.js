// What a page says in a sentence or copies as a text.

import { number, numeric } from "studio/lib/formats.js";

/** A point as a command line's arguments, quoted for a POSIX shell; a nested parameter by its last name. */
export function commandArguments(params) {
  return flat(params).map(([name, value]) => `--${name} ${quoted(String(value))}`).join(" ");
}

function flat(params) {
  const found = [];
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) found.push(...flat(value));
    else found.push([name, Array.isArray(value) ? JSON.stringify(value) : value]);
  }
  const short = found.map(([name]) => name.split(".").at(-1));
  return found.map(([name, value], i) => [short.filter((one) => one === short[i]).length === 1 ? short[i] : name, value]);
}

function quoted(text) {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What a sampler's model expected, and how far off it was: `0.48 ± 0.0025; it came out worse, by 3 times that`. */
export function expectationWords({ mean, spread, improvement }, value, goal) {
  const gain = improvement ? `, to improve on the best by ${number(improvement, 2)}` : "";
  const text = `${number(mean)} ± ${number(spread, 2)}${gain}`;
  const off = numeric(value) - numeric(mean);
  if (value === null || !Number.isFinite(off)) return text;
  const times = spread > 0 ? Math.abs(off) / spread : 0;
  if (times <= 1) return `${text}; it came out so`;
  const side = off > 0 === (goal === "maximize") ? "better" : "worse";
  return `${text}; it came out ${side}, by ${number(times, 2)} times that`;
}
