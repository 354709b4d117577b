// The columns that the table of trials can show, sort and filter by.

import { hasScheduler } from "studio/lib/routes.js";
import { duration, expectedText, failureWord, NOTHING, number, numeric, phaseWord, rungText, time, valueText } from "studio/lib/formats.js";
import { secondsAt } from "studio/lib/trials.js";

/**
 * A column: `key` (what is remembered), `label`, `names` (what a filter may call it, first the usual one), `kind`
 * (number, text, status, duration, time), `width` in pixels, `value(table, row, now)` to sort and compare by (number,
 * text or null), `text(table, row, now)` to show, `words` where a value has several names, `isShown` unless people chose.
 */
export function columnsOf(sweep, trials) {
  const has = (key, isThere = Boolean) => trials[key]?.some(isThere) ?? false;
  const metric = sweep.metric;
  const columns = [
    { key: "number", label: "Trial", names: ["number", "trial"], kind: "number", width: 74, isShown: true, ...plain("number", String) },
    {
      key: "status", label: "Status", names: ["status", "phase"], kind: "status", width: 138, isShown: true,
      value: (table, row) => phaseWord(table.phase[row]), text: (table, row) => phaseWord(table.phase[row]),
      words: (table, row) => [table.status[row], table.phase[row], phaseWord(table.phase[row])],
    },
    metric && { key: "value", label: metric, names: ["value", metric], kind: "number", width: 132, isShown: true, ...plain("value", number) },
    metric && { key: "last", label: "Last value", names: ["last"], kind: "number", width: 110, isShown: false, ...plain("last", number) },
    metric && has("expected") && {
      key: "expected", label: "Expected", names: ["expected"], kind: "number", width: 148, isShown: true,
      value: (table, row) => table.expected[row]?.mean ?? null, text: (table, row) => expectedText(table.expected[row]),
    },
    ...paramColumns(sweep, trials),
    metric && { key: "reports", label: "Reports", names: ["reports"], kind: "number", width: 88, isShown: true, ...plain("reports", String) },
    hasScheduler(sweep) && {
      key: "rung", label: "Rung", names: ["rung"], kind: "number", width: 84, isShown: true,
      value: (table, row) => Object.keys(table.rungs[row] ?? {}).reduce((top, one) => Math.max(top, Number(one)), 0),
      text: (table, row) => rungText(table.rungs[row], table.until[row]),
    },
    { key: "duration", label: "Time", names: ["time", "duration"], kind: "duration", width: 90, isShown: true, value: secondsAt, text: (...row) => duration(secondsAt(...row)) },
    { key: "reason", label: "Reason", names: ["reason"], kind: "text", width: 330, isShown: has("reason"), ...plain("reason") },
    { key: "tags", label: "Tags", names: ["tags"], kind: "text", width: 170, isShown: has("tags", (tags) => tags && Object.keys(tags).length > 0), value: tagsText, text: tagsText },
    { key: "note", label: "Note", names: ["note"], kind: "text", width: 200, isShown: has("note"), ...plain("note") },
    { key: "origin", label: "Put in by", names: ["origin"], kind: "text", width: 110, isShown: has("origin"), ...plain("origin") },
    { key: "step", label: "Step", names: ["step"], kind: "number", width: 80, isShown: false, ...plain("step", String) },
    { key: "attempt", label: "Attempt", names: ["attempt"], kind: "number", width: 84, isShown: has("attempt", (n) => n > 1), ...plain("attempt", String) },
    { key: "failure", label: "Failure", names: ["failure"], kind: "text", width: 150, isShown: false, value: failureOf, text: failureOf },
    { key: "exit_code", label: "Exit code", names: ["exit_code"], kind: "number", width: 92, isShown: false, ...plain("exit_code", String) },
    { key: "warm", label: "Start", names: ["start", "warm"], kind: "text", width: 74, isShown: false, value: warmth, text: warmth },
    { key: "queued_at", label: "Queued", names: ["queued"], kind: "time", width: 170, isShown: false, ...plain("queued_at", time) },
    { key: "started_at", label: "Started", names: ["started"], kind: "time", width: 170, isShown: false, ...plain("started_at", time) },
    { key: "ended_at", label: "Ended", names: ["ended"], kind: "time", width: 170, isShown: false, ...plain("ended_at", time) },
  ].filter(Boolean);
  return unambiguous(columns);
}

function paramColumns(sweep, trials) {
  const known = sweep.space.map(({ name }) => name);
  const all = [...known, ...Object.keys(trials.params).filter((name) => !known.includes(name))];
  return all.map((name, i) => {
    const isText = sweep.space.find((one) => one.name === name)?.kind === "category";
    const value = (table, row) => table.params[name]?.[row] ?? null;
    return {
      key: `params.${name}`, label: name, names: [name, `params.${name}`], kind: isText ? "text" : "number", isParam: true,
      width: Math.min(220, Math.max(124, 36 + 7.8 * name.length)), isShown: i < 12,
      value: (table, row) => sortable(value(table, row)), text: (table, row) => (value(table, row) === null ? "" : valueText(value(table, row))),
    };
  });
}

/** A parameter may be called like a column of ours: then it answers to params.NAME alone. */
function unambiguous(columns) {
  const taken = new Set(columns.filter((one) => !one.isParam).flatMap((one) => one.names));
  return columns.map((one) => (one.isParam ? { ...one, names: one.names.filter((name) => !taken.has(name)) } : one));
}

function plain(key, show = (text) => text ?? "") {
  return {
    value: (table, row) => table[key][row],
    text: (table, row) => (table[key][row] === null || table[key][row] === undefined ? "" : show(table[key][row])),
  };
}

function sortable(value) {
  return value === null || typeof value === "number" ? value : valueText(value);
}

function tagsText(table, row) {
  return Object.entries(table.tags[row] ?? {}).map(([key, value]) => (value === "" ? key : `${key}=${value}`)).join(", ");
}

function failureOf(table, row) {
  return failureWord(table.failure[row]);
}

function warmth(table, row) {
  return table.started_at[row] === null ? "" : table.warm[row] ? "warm" : "cold";
}

/**
 * The rows that pass `test`, in order of `sort`: [{key, isDown}], the first counts most. What is not there comes last,
 * either way; equal rows stay by number.
 */
export function arrange(table, { columns, test, sort, now }) {
  let rows = Array.from(table.number.keys());
  if (test) rows = rows.filter((row) => test(table, row, now));
  const keys = sort.flatMap(({ key, isDown }) => {
    const column = columns.find((one) => one.key === key);
    if (!column) return [];
    const values = table.number.map((_, row) => column.value(table, row, now));
    const isText = column.kind === "text" || column.kind === "status";
    return [{ isDown, values: isText ? values : values.map((value) => (value === null ? NaN : numeric(value))), compare: isText ? byText : byNumber }];
  });
  if (keys.length === 0) return rows;
  return rows.sort((a, b) => {
    for (const { values, compare, isDown } of keys) {
      const order = compare(values[a], values[b], isDown ? -1 : 1);
      if (order !== 0) return order;
    }
    return a - b;
  });
}

function byNumber(a, b, sign) {
  if (a === b) return 0;
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  return Number.isNaN(b) ? -1 : sign * (a - b);
}

const collator = new Intl.Collator("en", { numeric: true });

function byText(a, b, sign) {
  if (a === b) return 0;
  const [hasA, hasB] = [a !== null && a !== "", b !== null && b !== ""];
  if (!hasA || !hasB) return hasA ? -1 : hasB ? 1 : 0;
  return sign * collator.compare(a, b);
}

/** A cell that says nothing shows a dash to the eye only. */
export function cellText(column, table, row, now) {
  return column.text(table, row, now) || NOTHING;
}
