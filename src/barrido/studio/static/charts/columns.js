/**
 * Reading the columnar Trials (one array a column, all the same length, ordered by trial number).
 *
 * A *row* is a place in those arrays, a *trial* is its number. Numbers come as JSON numbers or as the strings "NaN",
 * "Infinity", "-Infinity"; a value that is not there is null.
 */
import { quantile } from "d3";
import { secondsAt } from "studio/lib/trials.js";

const RESERVED = new Set(["value", "number", "duration"]);
const STATES = {
  completed: "completed",
  pruned: "stopped",
  canceled: "stopped",
  failed: "failed",
  queued: "waiting",
  paused: "waiting",
};
const rowsByTrials = new WeakMap();

/** A number of the wire as a float; null and text that is no number are NaN. */
export function toNumber(value) {
  return value === null || value === undefined || value === "" ? NaN : Number(value);
}

/** trial number -> row. Kept between calls; a table that grew is read again. */
export function rowsByNumber(trials) {
  let rows = rowsByTrials.get(trials);
  if (!rows || rows.size !== trials.number.length) {
    rows = new Map(trials.number.map((number, row) => [number, row]));
    rowsByTrials.set(trials, rows);
  }
  return rows;
}

/** "completed" | "stopped" (by a policy, a scheduler, a person) | "failed" | "running" | "waiting" (queued, paused). */
export function stateOf(trials, row) {
  return STATES[trials.phase[row]] ?? "running";
}

/** +1 when lower is better, -1 when higher is: `sign * value` is always to be minimised. */
export function signOf(sweep) {
  return sweep.goal === "maximize" ? -1 : 1;
}

/** The metric with its direction, for axis titles: "accuracy, higher is better". */
export function metricTitle(sweep) {
  const name = sweep.metric ?? "value";
  return sweep.goal ? `${name}, ${sweep.goal === "maximize" ? "higher" : "lower"} is better` : name;
}

/** The row of the best trial (the first of equals), or -1 while no trial has a finite value. */
export function bestRow({ sweep, trials }) {
  const sign = signOf(sweep);
  let best = -1;
  let least = Infinity;
  for (let row = 0; row < trials.number.length; row++) {
    const loss = sign * toNumber(trials.value[row]);
    if (Number.isFinite(loss) && loss < least) {
      least = loss;
      best = row;
    }
  }
  return best;
}

/** Seconds since the epoch at which trials stand that have no end yet: now, or when a picture that stands still was made. */
export function nowOf(model) {
  return model.now ?? Date.now() / 1000;
}

/** How a choice is shown; texts as they are, anything else as JSON. */
export function levelText(choice) {
  return typeof choice === "string" ? choice : JSON.stringify(choice);
}

/** What a chart can put on an axis: [{name, title}], parameters first. A parameter called "value" is "params.value". */
export function columnNames({ sweep, trials }) {
  const known = sweep.space.map((dimension) => dimension.name);
  const more = Object.keys(trials.params).filter((name) => !known.includes(name));
  const params = [...known, ...more].map((name) => ({ name: columnName(name), title: name }));
  return [
    ...params,
    { name: "value", title: sweep.metric ?? "value" },
    { name: "number", title: "trial number" },
    { name: "duration", title: "duration" },
  ];
}

function columnName(param) {
  return RESERVED.has(param) ? `params.${param}` : param;
}

/** The column of a parameter, even of one that is called like a column of ours. */
export function paramColumn(model, param) {
  return columnOf(model, columnName(param));
}

/**
 * One column, ready for an axis:
 * {name, title, kind: "number"|"integer"|"category"|"duration", isLog, levels: [text]|null, values: Float64Array, domain: [low, high]}.
 *
 * `name` is a parameter, "value", "number" or "duration" (see columnNames). `values` has one entry a row: a float, or
 * for categories the index of the level; NaN where the trial has none. `domain` holds all finite values and, for a
 * parameter with bounds, the bounds.
 */
export function columnOf(model, name) {
  const { sweep, trials } = model;
  if (name === "value") {
    const values = Float64Array.from(trials.value, toNumber);
    return numeric(name, metricTitle(sweep), "number", values);
  }
  if (name === "number") return numeric(name, "trial number", "integer", Float64Array.from(trials.number));
  if (name === "duration") {
    const now = nowOf(model);
    return numeric(name, "duration", "duration", Float64Array.from(trials.number, (_, row) => toNumber(secondsAt(trials, row, now))));
  }
  const param = !(name in trials.params) && name.startsWith("params.") ? name.slice(7) : name;
  const dimension = sweep.space.find((candidate) => candidate.name === param);
  const cells = trials.params[param] ?? new Array(trials.number.length).fill(null);
  const isCategory = dimension
    ? dimension.kind === "category"
    : cells.some((cell) => cell !== null && Number.isNaN(toNumber(cell)) && cell !== "NaN");
  if (isCategory) return categorical(name, param, cells, dimension?.choices ?? []);
  const bounds = [dimension?.low, dimension?.high].map(toNumber).filter(Number.isFinite);
  const column = numeric(name, param, dimension?.kind ?? "number", Float64Array.from(cells, toNumber), bounds);
  column.isLog = dimension?.scale === "log" && column.domain[0] > 0;
  return column;
}

function numeric(name, title, kind, values, bounds = []) {
  return { name, title, kind, isLog: false, levels: null, values, domain: extentOf(values, bounds) };
}

function categorical(name, title, cells, choices) {
  const levels = choices.map(levelText);
  const places = new Map(levels.map((level, place) => [level, place]));
  const values = Float64Array.from(cells, (cell) => {
    if (cell === null || cell === undefined) return NaN;
    const level = levelText(cell);
    if (!places.has(level)) places.set(level, levels.push(level) - 1);
    return places.get(level);
  });
  return { name, title, kind: "category", isLog: false, levels, values, domain: [0, Math.max(0, levels.length - 1)] };
}

/** [least, greatest] of the finite values and `more`; [0, 1] when there are none. */
export function extentOf(values, more = []) {
  let low = Infinity;
  let high = -Infinity;
  for (const part of [values, more]) {
    for (const value of part) {
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : [0, 1];
}

/**
 * The range worth an axis when a few values have run away: all of them, unless the worst twentieth stretches it more
 * than fourfold; then that end is cut a little beyond the 95 % quantile. The good end is never cut.
 */
export function calmDomain(values, sign) {
  const finite = Array.from(values).filter(Number.isFinite).sort((a, b) => sign * (a - b));
  if (finite.length < 20) return extentOf(finite);
  const [best, most, worst] = [finite[0], quantile(finite, sign > 0 ? 0.95 : 0.05), finite.at(-1)];
  const reach = Math.abs(most - best);
  return extentOf([best, reach > 0 && Math.abs(worst - best) > 4 * reach ? most + sign * 0.25 * reach : worst]);
}

const EXPONENT = /\.?0*e([+-])(\d+)$/;

/** Four significant digits, as short as it goes: 0.9313, 12345, 1e-4, 2.5e7. */
export function formatNumber(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  const number = Number(value);
  if (!Number.isFinite(number)) return Number.isNaN(number) ? "NaN" : number > 0 ? "∞" : "−∞";
  if (number === 0) return "0";
  const size = Math.abs(number);
  const text =
    size < 1e-3 || size >= 1e7
      ? number.toExponential(digits - 1).replace(EXPONENT, (_, sign, power) => `e${sign === "-" ? "-" : ""}${power}`)
      : Number.isInteger(number)
        ? String(number)
        : String(Number(number.toPrecision(Math.max(digits, Math.ceil(Math.log10(size))))));
  return text.replace(/^-/, "−");
}

/** Seconds in words, two units at most: 0.35 s, 45 s, 2 min 5 s, 3 h 20 min, 2 d 4 h. */
export function formatDuration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 10) return `${Number(seconds.toPrecision(2))} s`;
  let whole = Math.round(seconds);
  const parts = [];
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    const count = Math.floor(whole / size);
    whole -= count * size;
    if (count) parts.push(`${count} ${unit}`);
    else if (parts.length) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

/** A value of a column in words: the level, the number, the duration; "not set" for NaN. */
export function formatIn(column, value) {
  if (Number.isNaN(value)) return column.kind === "number" && column.name === "value" ? "none" : "not set";
  if (column.levels) return column.levels[value] ?? "";
  return column.kind === "duration" ? formatDuration(value) : formatNumber(value);
}

/** A trial in rows of [name, text], for tooltips: value, state, and the parameters it has. */
export function describe({ sweep, trials }, row, most = 8) {
  const state = stateOf(trials, row);
  const params = Object.entries(trials.params).filter(([, cells]) => cells[row] !== null && cells[row] !== undefined);
  const rows = params.slice(0, most).map(([name, cells]) => [
    name,
    typeof cells[row] === "number" ? formatNumber(cells[row]) : levelText(cells[row]),
  ]);
  if (params.length > most) rows.push([`and ${params.length - most} more`, ""]);
  return [
    [sweep.metric ?? "value", formatNumber(trials.value[row])],
    ["status", state === "stopped" ? "stopped early" : trials.phase[row]],
    ...rows,
  ];
}
