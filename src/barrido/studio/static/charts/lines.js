/** Reading, smoothing and finding the lines of the curves. */
import { bisector } from "d3";
import { toNumber } from "studio/charts/columns.js";

const REACH = 24;
const bySteps = bisector((step) => step);

/** The API's Curves as [{trial, xs, raw, ys}], Float64Arrays by step; `ys` is `raw` smoothed. Lines without a point are left out. */
export function readLines(curves, smoothing) {
  const { trial = [], steps = [], values = [] } = curves?.trials ?? {};
  const lines = [];
  for (const [place, number] of trial.entries()) {
    let xs = Float64Array.from(steps[place], toNumber);
    let raw = Float64Array.from(values[place], toNumber);
    if (!xs.length) continue;
    if (!isAscending(xs)) {
      const order = Array.from(xs.keys()).sort((a, b) => xs[a] - xs[b]);
      [xs, raw] = [Float64Array.from(order, (at) => xs[at]), Float64Array.from(order, (at) => raw[at])];
    }
    lines.push({ trial: number, xs, raw, ys: smoothing > 0 ? smoothed(raw, smoothing) : raw });
  }
  return lines;
}

function isAscending(xs) {
  for (let place = 1; place < xs.length; place++) if (xs[place] < xs[place - 1]) return false;
  return true;
}

/** The exponential moving average, divided by 1 - weight^n so that it does not start at 0; what is no number stays out of it. */
export function smoothed(values, weight) {
  let sum = 0;
  let share = 1;
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    sum = weight * sum + (1 - weight) * value;
    share *= weight;
    return sum / (1 - share);
  });
}

/** {line, place} of the line that passes nearest below or above `point`, and its point nearest along x; null when none is near. */
export function nearestPoint(lines, { x, y }, point) {
  const step = x.invert(point.x);
  let best = null;
  let least = REACH;
  for (const line of lines) {
    const place = bySteps.center(line.xs, step);
    const px = x.map(line.xs[place]);
    const gap = Math.abs(px - point.x);
    const other = step < line.xs[place] ? place - 1 : place + 1;
    let py = y.map(line.ys[place]);
    let away = gap;
    if (other >= 0 && other < line.xs.length) {
      const [ox, oy] = [x.map(line.xs[other]), y.map(line.ys[other])];
      if (ox !== px && Number.isFinite(oy)) py += ((oy - py) * (point.x - px)) / (ox - px);
      away = 0;
    }
    const distance = Math.hypot(away, py - point.y);
    if (distance < least) [best, least] = [{ line, place }, distance];
  }
  return best;
}
