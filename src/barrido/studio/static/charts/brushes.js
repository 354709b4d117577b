/**
 * Ranges on the axes of the parallel coordinates.
 *
 * A range is {low, high, isMissing}: which values pass (for categories: which levels), and whether trials that lack the
 * parameter do. It is kept in values, not pixels, so it stays where it is when the chart grows or an axis is turned.
 * An *axis* here is {column, scale, missingY} with the scale of axes.js along y.
 */
import { formatIn } from "studio/charts/columns.js";

/** Whether a value of the axis' column (NaN: not set) lies in the range. */
export function passes(range, value) {
  return Number.isNaN(value) ? range.isMissing : value >= range.low && value <= range.high;
}

/** The range between two pixels, either first; null when it holds nothing. */
export function rangeBetween(axis, y1, y2) {
  const [top, bottom] = y1 < y2 ? [y1, y2] : [y2, y1];
  const isMissing = axis.missingY !== null && bottom >= axis.missingY - 4;
  const { scale } = axis;
  if (scale.kind === "category") {
    const held = scale.levels.map((_, level) => level).filter((level) => scale.map(level) >= top && scale.map(level) <= bottom);
    if (!held.length && !isMissing) return null;
    return { low: held[0] ?? Infinity, high: held.at(-1) ?? -Infinity, isMissing };
  }
  const [least, most] = [Math.min(...scale.range), Math.max(...scale.range)];
  if (top > most || bottom < least) return isMissing ? { low: Infinity, high: -Infinity, isMissing } : null;
  const ends = [Math.max(top, least), Math.min(bottom, most)].map(scale.invert).sort((a, b) => a - b);
  // What runs off the scale is drawn at its edge, so a range that reaches an edge lets it pass.
  if (top <= least + 1) ends[scale.invert(least) > scale.invert(most) ? 1 : 0] = scale.invert(least) > scale.invert(most) ? Infinity : -Infinity;
  if (bottom >= most - 1) ends[scale.invert(least) > scale.invert(most) ? 0 : 1] = scale.invert(least) > scale.invert(most) ? -Infinity : Infinity;
  return { low: ends[0], high: ends[1], isMissing };
}

/** [top, bottom] pixels of a range. */
export function pixelsOf(axis, { low, high, isMissing }) {
  const { scale } = axis;
  const [first, last] = scale.domain;
  const ends = [];
  if (low <= high) {
    const half = scale.kind === "category" ? scale.step * 0.42 : 0;
    const places = [Math.max(low, first), Math.min(high, last)].map(scale.map);
    ends.push(Math.min(...places) - half, Math.max(...places) + half);
  }
  if (isMissing) ends.push(axis.missingY - 7, axis.missingY + 7);
  return [Math.min(...ends), Math.max(...ends)];
}

/** The range moved by `by` pixels and made longer by `more` at both ends, within the axis; for the keyboard. */
export function shifted(axis, range, by, more) {
  const { scale } = axis;
  const [least, most] = [Math.min(...scale.range), Math.max(...scale.range)];
  if (!range) {
    const middle = (least + most) / 2;
    const half = Math.max((most - least) / 8, scale.step * 0.6);
    return rangeBetween(axis, middle - half, middle + half);
  }
  const [top, bottom] = pixelsOf(axis, range);
  const end = axis.missingY === null ? most : axis.missingY + 7;
  const shift = Math.max(least - top, Math.min(end - bottom, by));
  const next = [Math.max(least, top + shift - more), Math.min(end, bottom + shift + more)];
  return (next[1] > next[0] && rangeBetween(axis, ...next)) || range;
}

/** A range in words: "0.001 to 0.1", "adam, sgd or not set". */
export function rangeText({ column, scale }, { low, high, isMissing }) {
  const missing = isMissing ? ["not set"] : [];
  if (low > high) return missing.join();
  if (column.levels) return [...column.levels.slice(low, high + 1), ...missing].join(", ");
  const ends = [Math.max(low, scale.domain[0]), Math.min(high, scale.domain[1])];
  const [first, last] = column.kind === "integer" ? [Math.ceil(ends[0]), Math.floor(ends[1])] : ends;
  if (first > last) return ["nothing", ...missing].join(" or ");
  return [`${formatIn(column, first)} to ${formatIn(column, last)}`, ...missing].join(" or ");
}
