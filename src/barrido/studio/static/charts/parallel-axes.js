/** The axes of the parallel coordinates: what they show, and where each trial crosses them. */
import { bestRow, calmDomain, columnNames, columnOf, extentOf, signOf, stateOf } from "studio/charts/columns.js";
import { jitter, kindOf, makeScale } from "studio/charts/frame.js";

const NARROW = 92; // axes closer than this have their names in several rows, the metric's above the others
const NAME_PX = 100; // what a name should have, if three rows are enough for it
export const ROW_PX = 24; // of a name: as much as a finger needs
const MISSING_PX = 26;
const MOST_LEVELS = 12; // of an integer, to be treated as levels
const CROWD = 100;

/**
 * {columns, best, shown, ranked, running, hasMissing}: the columns with their kind of scale and domain, parameters first, the metric last.
 *
 * `shown` are the rows with a line, `ranked` those by value, best first.
 */
export function readAxes(model) {
  const { sweep, trials, logValue } = model;
  const sign = signOf(sweep);
  const names = columnNames(model).filter(({ name }) => name !== "number" && name !== "duration");
  const columns = names.map(({ name }) => columnOf(model, name)).filter((column) => column.name !== "value" || sweep.metric);
  const rows = Array.from(trials.number.keys());
  const shown = rows.filter((row) => stateOf(trials, row) !== "waiting" || trials.value[row] !== null);
  for (const column of columns) {
    const isMetric = column.name === "value";
    column.scaleKind = kindOf(column, isMetric ? Boolean(logValue) : column.isLog);
    if (isMetric && column.scaleKind === "number") column.domain = calmDomain(column.values, sign);
    if (column.scaleKind === "log") column.domain = extentOf(column.values.filter((value) => value > 0), column.domain[0] > 0 ? column.domain : []);
    column.isMissing = shown.some((row) => !Number.isFinite(column.values[row]) || (column.scaleKind === "log" && column.values[row] <= 0));
  }
  const values = columns.find(({ name }) => name === "value")?.values ?? new Float64Array(rows.length).fill(NaN);
  const losses = values.map((value) => (Number.isFinite(value) ? sign * value : Infinity));
  return {
    columns,
    model,
    values,
    shown,
    best: bestRow(model),
    ranked: [...shown].sort((a, b) => (losses[a] === losses[b] ? a - b : losses[a] - losses[b])),
    running: shown.filter((row) => stateOf(trials, row) === "running"),
    hasMissing: columns.some(({ isMissing }) => isMissing),
    crossings: new Map(),
  };
}

/**
 * The axes in their order: {name, title, column, scale, x, top, bottom, end, missingY, ys, titleTop, room, gap, left, isFlipped}.
 *
 * `ys` is where each row crosses; `missingY` where those do that lack the parameter, null when none does; `end` the
 * lowest pixel of the axis. `moving` is {name, x} of an axis that is being dragged.
 */
export function placeAxes(frame, data, order, flipped, moving) {
  const { width, height } = frame;
  const count = order.length;
  const [left, right] = [width < 600 ? 42 : 60, width < 600 ? 42 : 70];
  const gap = count > 1 ? (width - left - right) / (count - 1) : 1;
  const isNarrow = gap < NARROW;
  const rows = isNarrow ? Math.min(3, Math.ceil(NAME_PX / gap)) : 1;
  const top = 16 + ROW_PX * (isNarrow ? rows + 1 : rows);
  const end = height - 14;
  const bottom = Math.max(top + 40, data.hasMissing ? end - MISSING_PX : end);
  const axes = order.map((name, place) => {
    const column = data.columns.find((candidate) => candidate.name === name);
    const isFlipped = flipped.has(name);
    const range = isFlipped ? [top, bottom] : [bottom, top];
    const scale = makeScale({ kind: column.scaleKind, domain: column.domain, levels: column.levels, isInteger: column.kind === "integer", range });
    const missingY = column.isMissing ? bottom + MISSING_PX - 6 : null;
    const hasOwnRow = isNarrow && name === "value";
    const key = `${name} ${top} ${bottom} ${isFlipped}`;
    if (!data.crossings.has(key)) data.crossings.set(key, crossings(column, scale, missingY ?? bottom, data.model.trials.number));
    return {
      name,
      title: column.title,
      column,
      scale,
      x: moving?.name === name ? Math.min(width - 10, Math.max(10, moving.x)) : left + place * gap,
      top,
      bottom,
      end: missingY === null ? bottom : missingY + 7,
      missingY,
      ys: data.crossings.get(key),
      titleTop: isNarrow && !hasOwnRow ? ROW_PX * (1 + (place % rows)) : 0,
      room: hasOwnRow ? 2 * width : Math.max(30, Math.min(220, rows * gap - 8, count > 1 ? Infinity : width)),
      gap,
      left,
      isFlipped,
      isLast: place === count - 1,
    };
  });
  return axes;
}

/** Where the rows cross; among many, those of one level lie side by side, or thousands would be one point. */
function crossings(column, scale, missingY, numbers) {
  const [least, most] = [Math.min(...scale.range), Math.max(...scale.range)];
  const span = column.domain[1] - column.domain[0];
  const level = column.kind === "category" ? scale.step : column.kind === "integer" && span <= MOST_LEVELS ? (most - least) / (span || 1) : 0;
  const spread = numbers.length > CROWD ? Math.min(36, level * 0.5) : 0;
  return Float32Array.from(column.values, (value, row) => {
    const y = scale.map(value);
    if (!Number.isFinite(y)) return missingY + (numbers.length > CROWD ? jitter(numbers[row]) * 8 : 0);
    return Math.min(most, Math.max(least, y + spread * jitter(numbers[row], 1)));
  });
}
