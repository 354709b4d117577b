// The table of trials as it comes from the API: columns of the same length, by number. `rows` finds a number's row.
// `mergeTrials` changes the columns in place and returns a new table object around them: compare tables, not columns.

import { numeric } from "studio/lib/formats.js";

/** How many stand side by side: beyond that neither a table nor an eye can hold them. */
export const MOST_COMPARED = 24;

const OVER = new Set(["completed", "pruned", "failed", "canceled"]);

/** Whether a phase, of a trial or of a sweep, is its last. */
export function isOver(phase) {
  return OVER.has(phase);
}

export function emptyTrials() {
  return { number: [], params: {}, rows: new Map() };
}

/** Puts rows (a table of the API) into `table`: known numbers are replaced, new ones added in their order. */
export function mergeTrials(table, news) {
  const { rows, params, number: numbers } = table;
  if (!news) return { ...table };
  const plain = Object.keys(news).filter((key) => key !== "params" && key !== "rows");
  for (const key of plain) table[key] ??= new Array(numbers.length).fill(null);
  for (const name of Object.keys(news.params)) params[name] ??= new Array(numbers.length).fill(null);
  let isSorted = true;
  news.number.forEach((number, i) => {
    let row = rows.get(number);
    if (row === undefined) {
      row = numbers.length;
      isSorted &&= row === 0 || numbers[row - 1] < number;
      rows.set(number, row);
    }
    for (const key of plain) table[key][row] = news[key][i];
    for (const name of Object.keys(params)) params[name][row] = news.params[name]?.[i] ?? null;
  });
  if (!isSorted) sortByNumber(table);
  return { ...table };
}

function sortByNumber(table) {
  const order = table.number.map((_, i) => i).sort((a, b) => table.number[a] - table.number[b]);
  const columns = [...Object.values(table).filter(Array.isArray), ...Object.values(table.params)];
  for (const column of columns) column.splice(0, column.length, ...order.map((i) => column[i]));
  table.rows.clear();
  table.number.forEach((number, i) => table.rows.set(number, i));
}

/** The trial with this number as a plain object, `params` without those it has not; null if there is none. */
export function trialAt(table, number) {
  const row = table.rows?.get(number) ?? table.number.indexOf(number);
  if (row === undefined || row < 0) return null;
  const trial = { params: paramsAt(table, row) };
  for (const [key, column] of Object.entries(table)) if (Array.isArray(column)) trial[key] = column[row];
  return trial;
}

/** The parameters in a row, without those that its conditions leave out. */
export function paramsAt(table, row) {
  const params = {};
  for (const [name, column] of Object.entries(table.params)) if (column[row] !== null) params[name] = column[row];
  return params;
}

/** Seconds since a row started, up to its end if there is one, waits included; null before it started. `now`: seconds since the epoch. */
export function secondsAt(table, row, now) {
  const from = table.started_at[row];
  return from === null ? null : Math.max(0, (table.ended_at[row] ?? now) - from);
}

/** Whether value `a` is better than `b` for a goal of "minimize" or "maximize"; what is no number never is. */
export function isBetter(a, b, goal) {
  const [x, y] = [numeric(a), numeric(b)];
  if (Number.isNaN(x)) return false;
  return Number.isNaN(y) || (goal === "maximize" ? x > y : x < y);
}

/** Whether values differ so much that a plain axis would show the worst of them and nothing else. */
export function spansDecades(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values ?? []) {
    const number = value === null ? NaN : numeric(value);
    if (!Number.isFinite(number)) continue;
    low = Math.min(low, number);
    high = Math.max(high, number);
  }
  return low > 0 && high > 1000 * low;
}
