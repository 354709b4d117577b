/**
 * Scales and the axes drawn from them, on canvas.
 *
 * A scale is {kind, domain, range, map(value) -> px, invert(px) -> value, ticks(room) -> [{at, text}], levels, step}; `map` gives
 * NaN for what has no place (NaN, 0 on a log scale). Kinds: "number", "log", "duration" (seconds), "category" (values are
 * indices of `levels`).
 */
import { scaleLinear, scaleLog } from "d3";
import { formatDuration, formatNumber } from "studio/charts/columns.js";

const DURATION_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
const GAP = 8;

/** A scale over `domain` (finite, low first) onto the pixels `range`; an empty domain is widened, not refused. */
export function makeScale({ kind = "number", domain = [0, 1], range, levels = null, isInteger = false }) {
  if (kind === "category") return categoryScale(levels ?? [], range);
  const [low, high] = widen(domain, kind, isInteger);
  const scale = kind === "log" ? scaleLog() : scaleLinear();
  scale.domain([low, high]).range(range);
  const room = Math.abs(range[1] - range[0]);
  return {
    kind,
    domain: [low, high],
    range,
    levels: null,
    step: 0,
    map: (value) => (Number.isFinite(value) && (kind !== "log" || value > 0) ? scale(value) : NaN),
    invert: (px) => scale.invert(px),
    ticks: (gap = 70) => ticksOf(scale, kind, Math.max(2, Math.round(room / gap)), isInteger),
  };
}

/** The kind of scale that fits a column (see columns.js); `isLog` overrides what the column prefers. */
export function kindOf(column, isLog = column.isLog) {
  if (column.kind === "category") return "category";
  if (isLog && column.domain[1] > 0) return "log";
  return column.kind === "duration" ? "duration" : "number";
}

/** A domain with a little room at both ends, so that marks do not lie on the edge. */
export function padded([low, high], kind) {
  if (kind === "log") {
    const pad = (high / low) ** 0.03;
    return low > 0 ? [low / pad, high * pad] : [low, high];
  }
  const pad = (high - low) * 0.03;
  return [low - pad, high + pad];
}

function widen([low, high], kind, isInteger) {
  if (kind === "log") {
    const top = high > 0 ? high : 1;
    const bottom = low > 0 ? low : top / 1000;
    return bottom < top ? [bottom, top] : [bottom / 2, top * 2];
  }
  if (low < high) return [low, high];
  const half = isInteger ? 1 : Math.abs(low) * 0.1 || 0.5;
  return [low - half, low + half];
}

function categoryScale(levels, range) {
  const step = (range[1] - range[0]) / Math.max(1, levels.length);
  return {
    kind: "category",
    domain: [0, Math.max(0, levels.length - 1)],
    range,
    levels,
    step: Math.abs(step),
    map: (place) => range[0] + (place + 0.5) * step,
    invert: (px) => Math.min(Math.max(0, levels.length - 1), Math.max(0, Math.floor((px - range[0]) / step))),
    ticks: () => levels.map((text, at) => ({ at, text })),
  };
}

function ticksOf(scale, kind, count, isInteger) {
  const [low, high] = scale.domain();
  if (kind === "duration") return durationTicks(low, high, count);
  let at = scale.ticks(count);
  if (kind === "log") {
    const decades = at.filter((value) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9);
    if (Math.log10(high / low) < 0.7) at = scaleLinear().domain([low, high]).ticks(count);
    else if (high / low < 200) at = at.filter((value) => ["1", "2", "5"].includes(value.toExponential()[0]));
    else if (decades.length >= 2) at = decades.filter((_, place) => place % Math.ceil(decades.length / (count + 1)) === 0);
  }
  const whole = isInteger ? at.filter(Number.isInteger) : [];
  if (whole.length) at = whole; // someone may look closer than from one to the next
  return at.map((value) => ({ at: value, text: formatNumber(value, 6) }));
}

function durationTicks(low, high, count) {
  const wanted = (high - low) / count;
  const step = DURATION_STEPS.find((candidate) => candidate >= wanted) ?? Math.ceil(wanted / 86400) * 86400;
  if (wanted < 0.5) {
    return scaleLinear().domain([low, high]).ticks(count).map((at) => ({ at, text: formatDuration(at) }));
  }
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) ticks.push({ at, text: at ? formatDuration(at) : "0" });
  return ticks;
}

/** `text` cut to `room` pixels with an ellipsis, in the context's font. */
export function fitText(ctx, text, room) {
  if (ctx.measureText(text).width <= room) return text;
  let [least, most] = [0, Math.min(text.length, 200)];
  while (least < most) {
    const middle = (least + most + 1) >> 1;
    if (ctx.measureText(`${text.slice(0, middle)}…`).width <= room) least = middle;
    else most = middle - 1;
  }
  return least ? `${text.slice(0, least)}…` : "";
}

/**
 * Places two axes in a frame so that the y labels fit: {x, y, plot: {left, top, right, bottom}}.
 *
 * `x` and `y` are what makeScale takes, without the range, and a `title`; an `inset` leaves so many pixels free between the
 * corner and the start of the scale, for marks that lack a value. Marks belong inside `plot`.
 */
export function layOut(frame, { x, y }, { top = 28, right = 16, bottom = 44 } = {}) {
  const ctx = frame.ctx;
  ctx.font = frame.font();
  const height = Math.max(40, frame.height);
  const yScale = makeScale({ ...y, range: [height - bottom - (y.inset ?? 0), top] });
  const texts = [...yScale.ticks(46).map((tick) => tick.text), y.inset ? "not set" : ""];
  const widest = Math.max(0, ...texts.map((text) => ctx.measureText(text).width));
  const left = Math.ceil(Math.min(widest, frame.width * 0.28)) + 18;
  const xScale = makeScale({ ...x, range: [left + (x.inset ?? 0), Math.max(left + 40, frame.width - right)] });
  xScale.title = x.title;
  yScale.title = y.title;
  return { x: xScale, y: yScale, plot: { left, top, right: xScale.range[1], bottom: height - bottom } };
}

/** Gridlines, ticks and titles of what layOut placed: the y title above its axis, the x title right below its own. */
export function drawAxes(ctx, frame, { x, y, plot }) {
  drawYAxis(ctx, frame, y, plot);
  drawXAxis(ctx, frame, x, plot);
}

function drawYAxis(ctx, frame, scale, plot) {
  const { colors } = frame;
  ctx.font = frame.font();
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  let last = Infinity;
  for (const tick of scale.ticks(46)) {
    const at = Math.round(scale.map(tick.at)) + 0.5;
    line(ctx, colors.grid, plot.left, at, plot.right, at);
    if (Math.abs(last - at) < 13) continue;
    last = at;
    ctx.fillStyle = colors.muted;
    ctx.fillText(fitText(ctx, tick.text, plot.left - 12), plot.left - 8, at);
  }
  if (!scale.title) return;
  ctx.textAlign = "left";
  ctx.fillStyle = colors.ink;
  ctx.fillText(fitText(ctx, scale.title, plot.right - 4), 4, 10);
}

function drawXAxis(ctx, frame, scale, plot) {
  const { colors } = frame;
  ctx.font = frame.font();
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  let last = -Infinity;
  const room = scale.kind === "category" ? Math.max(24, scale.step - GAP) : 120;
  for (const tick of scale.ticks(80)) {
    const at = Math.round(scale.map(tick.at)) + 0.5;
    line(ctx, colors.grid, at, plot.top, at, plot.bottom);
    const text = fitText(ctx, tick.text, room);
    const half = ctx.measureText(text).width / 2;
    const center = Math.min(at, frame.width - half - 2);
    if (center - half < last + GAP) continue;
    last = center + half;
    ctx.fillStyle = colors.muted;
    ctx.fillText(text, center, plot.bottom + 6);
  }
  line(ctx, colors.muted, plot.left, plot.bottom + 0.5, plot.right, plot.bottom + 0.5);
  if (!scale.title) return;
  ctx.textAlign = "right";
  ctx.fillStyle = colors.ink;
  ctx.fillText(fitText(ctx, scale.title, plot.right - 4), plot.right, plot.bottom + 25);
}

function line(ctx, color, x1, y1, x2, y2) {
  ctx.strokeStyle = color;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}
