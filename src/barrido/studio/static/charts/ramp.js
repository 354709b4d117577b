/** Colours for the values of a column: viridis for numbers, the theme's series colours for categories. */
import { bisector, interpolateViridis } from "d3";
import { calmDomain, formatDuration, formatNumber, signOf } from "studio/charts/columns.js";
import { fitText } from "studio/charts/axes.js";

const BUCKETS = 64;
const bisect = bisector((value) => value);

/**
 * {colors: [..], bucket(value), color(value), ...}: `bucket` is a place in `colors`, -1 for a value that has none.
 *
 * Bright is good: for the metric the ramp runs from the worst to the best value, for other numbers from low to high.
 * The ends that would drown in the surface are left out in either theme. `column` is one of columns.js. With `isByRank`
 * the shades follow the ranks of the values, so that thousands of similar good ones are told apart.
 */
export function makeRamp(column, sweep, frame, isByRank = false) {
  const { colors } = frame;
  if (column.levels) {
    const bucket = (value) => (Number.isNaN(value) ? -1 : value % colors.c.length);
    return { column, colors: colors.c, bucket, color: (value) => colors.c[bucket(value)] ?? colors.muted };
  }
  const isMetric = column.name === "value";
  const domain = isMetric ? calmDomain(column.values, signOf(sweep)) : column.domain;
  const isDescending = isMetric && signOf(sweep) > 0;
  const [from, to] = colors.isDark ? [0.16, 1] : [0, 0.92];
  const shades = Array.from({ length: BUCKETS }, (_, place) => interpolateViridis(from + ((to - from) * place) / (BUCKETS - 1)));
  const measure = column.isLog ? Math.log : (value) => value;
  const [low, high] = domain.map(measure);
  const sorted = isByRank ? column.values.filter(Number.isFinite).sort() : null;
  const bucket = (value) => {
    if (!Number.isFinite(value)) return -1;
    if (isByRank && sorted[0] === sorted.at(-1)) return BUCKETS - 1;
    const share = isByRank ? rank(sorted, value) : high > low ? Math.min(1, Math.max(0, (measure(value) - low) / (high - low))) : 1;
    return Math.round((isDescending ? 1 - share : share) * (BUCKETS - 1));
  };
  return { column, domain, isDescending, colors: shades, bucket, color: (value) => shades[bucket(value)] ?? colors.muted };
}

/** The share of `sorted` below `value`. */
function rank(sorted, value) {
  const last = sorted.length - 1;
  return bisect.left(sorted, value, 0, last) / last;
}

/** The key to a ramp, in one line of 12 px that ends at `right`: title, low end, shades, high end; or the levels in their colours. */
export function drawRamp(ctx, frame, ramp, right, y, room) {
  ctx.font = frame.font(11);
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  if (ramp.column.levels) return drawLevels(ctx, frame, ramp, right, y, room);
  const format = ramp.column.kind === "duration" ? formatDuration : (value) => formatNumber(value, 3);
  const ends = ramp.domain.map(format);
  if (ramp.isDescending) ends.reverse();
  const width = Math.min(90, room * 0.3);
  const high = ctx.measureText(ends[1]).width;
  const start = right - high - 6 - width;
  ctx.fillStyle = frame.colors.muted;
  ctx.fillText(ends[1], right, y);
  ctx.fillText(ends[0], start - 6, y);
  const step = width / ramp.colors.length;
  ramp.colors.forEach((color, place) => {
    ctx.fillStyle = color;
    ctx.fillRect(start + place * step, y - 4, step + 0.6, 8);
  });
  const rest = room - (right - start) - ctx.measureText(ends[0]).width - 14;
  ctx.fillStyle = frame.colors.ink;
  if (rest > 30) ctx.fillText(fitText(ctx, ramp.column.title, rest), start - 14 - ctx.measureText(ends[0]).width, y);
}

function drawLevels(ctx, frame, ramp, right, y, room) {
  let at = right;
  const shown = ramp.column.levels.slice(0, ramp.colors.length);
  for (const [place, level] of [...shown.entries()].reverse()) {
    const text = fitText(ctx, level, Math.max(24, room / shown.length - 18));
    const width = ctx.measureText(text).width;
    if (at - width - 14 < right - room) break;
    ctx.fillStyle = frame.colors.muted;
    ctx.fillText(text, at, y);
    ctx.fillStyle = ramp.colors[place];
    ctx.fillRect(at - width - 12, y - 4, 8, 8);
    at -= width + 22;
  }
}
