/** Drawing the parallel coordinates: lines in slices, axes over them, and single trials on top. */
import { stateOf } from "studio/charts/columns.js";
import { drawStar, fitText } from "studio/charts/frame.js";
import { pixelsOf } from "studio/charts/brushes.js";
import { ROW_PX } from "studio/charts/parallel-axes.js";
import { makeRamp } from "studio/charts/ramp.js";

const LINES_A_SLICE = 40;

/** All lines, a slice at a time: first those that a range leaves out, in grey, then from the worst to the best in their colours. */
export function* paintLines(ctx, frame, data, axes, active, isBrushed) {
  const { shown, values, model } = data;
  const ramp = makeRamp(valueColumn(data), model.sweep, frame, true);
  const count = shown.length;
  const strength = strengthOf(count);
  ctx.lineJoin = "round";
  ctx.lineWidth = count > 1500 ? 1 / frame.ratio : 1.3; // a hair of the device is many times quicker than anything wider
  let painted = 0;
  if (isBrushed) {
    ctx.strokeStyle = frame.colors.grid;
    ctx.globalAlpha = Math.max(0.35, strength); // however many lie over one another, they get no darker than the grid
    for (const row of shown) {
      if (active[row]) continue;
      stroke(ctx, axes, row);
      if (++painted % LINES_A_SLICE === 0) yield;
    }
  }
  const left = shown.filter((row) => active[row] && stateOf(model.trials, row) !== "running");
  const bold = strengthOf(left.length);
  const buckets = values.map((value) => ramp.bucket(value));
  left.sort((a, b) => buckets[a] - buckets[b]);
  for (const row of left) {
    const state = stateOf(model.trials, row);
    const share = Math.max(0, buckets[row]) / (ramp.colors.length - 1);
    // The good ones stand out of thousands: the better a trial, the more solid its line.
    ctx.globalAlpha = (bold + (Math.max(bold, 0.8) - bold) * share ** (6 + count / 250)) * (state === "stopped" ? 0.55 : 1);
    ctx.strokeStyle = state === "failed" ? frame.colors.bad : ramp.color(values[row]);
    stroke(ctx, axes, row);
    if (++painted % LINES_A_SLICE === 0) yield;
  }
  ctx.globalAlpha = 1;
  data.ramp = ramp;
}

/** How solid lines can be, so many at once. */
function strengthOf(count) {
  return Math.min(0.85, Math.max(0.06, 6 / Math.sqrt(count + 1)));
}

function valueColumn(data) {
  return data.columns.find(({ name }) => name === "value") ?? { name: "value", levels: null, values: data.values, domain: [0, 1] };
}

function stroke(ctx, axes, row) {
  ctx.beginPath();
  for (const { x, ys } of axes) ctx.lineTo(x, ys[row]);
  ctx.stroke();
}

/** One trial over the others: in its colour, lifted off the lines behind it; the best with its star. */
export function drawTrial(ctx, frame, data, axes, row, width) {
  const { colors } = frame;
  ctx.lineJoin = "round";
  ctx.strokeStyle = colors.surface;
  ctx.lineWidth = width + 3;
  stroke(ctx, axes, row);
  const isBest = row === data.best;
  ctx.strokeStyle = isBest ? colors.good : colors.accent;
  ctx.lineWidth = width;
  stroke(ctx, axes, row);
  const metric = axes.find(({ name }) => name === "value");
  if (isBest && metric) drawStar(ctx, metric.x, metric.ys[row], 8, colors.good, colors.surface);
}

/** The running trials, as dashes on their way. */
export function drawRunning(ctx, frame, data, axes, active) {
  const running = data.running.filter((row) => active[row]).slice(0, 64);
  if (!running.length) return;
  frame.pulse();
  ctx.save();
  ctx.strokeStyle = frame.colors.accent;
  ctx.lineWidth = 1.3;
  ctx.setLineDash([5, 5]);
  ctx.lineDashOffset = -((performance.now() / 60) % 10);
  for (const row of running) stroke(ctx, axes, row);
  ctx.restore();
}

/** The colours along the metric's axis, as their key. */
export function drawKey(ctx, data, axis) {
  for (let y = axis.top; y < axis.bottom; y += 2) {
    ctx.fillStyle = data.ramp.color(axis.scale.invert(y));
    ctx.fillRect(axis.x - 2.5, y, 5, 2);
  }
}

/** From an axis up to its name, where names stand in several rows. */
function drawLeader(ctx, frame, { x, top, titleTop }) {
  ctx.strokeStyle = frame.colors.grid;
  ctx.beginPath();
  ctx.moveTo(x, titleTop + ROW_PX);
  ctx.lineTo(x, top);
  ctx.stroke();
}

/** The axis line and its labels, readable over any lines. */
export function drawAxis(ctx, frame, axis) {
  const { colors } = frame;
  const { x, top, bottom, missingY, scale, isLast, gap } = axis;
  const isNarrow = gap < 70;
  ctx.font = frame.font(isNarrow ? 10 : 11);
  ctx.textBaseline = "middle";
  ctx.textAlign = isLast ? "left" : "right";
  ctx.lineJoin = "round";
  ctx.lineWidth = 1;
  drawLeader(ctx, frame, axis);
  ctx.strokeStyle = colors.ink;
  ctx.globalAlpha = 0.55;
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, bottom);
  ctx.stroke();
  if (missingY !== null) {
    ctx.setLineDash([2, 3]);
    ctx.beginPath();
    ctx.moveTo(x, bottom);
    ctx.lineTo(x, missingY);
    ctx.stroke();
    ctx.setLineDash([]);
  }
  ctx.globalAlpha = 1;
  const room = isNarrow ? Math.max(26, gap - 10) : gap * 0.6;
  const side = isLast ? 7 : -7;
  let last = Infinity;
  const ticks = [...scale.ticks(isNarrow ? 90 : 56)].sort((a, b) => scale.map(b.at) - scale.map(a.at));
  for (const tick of ticks) {
    const y = scale.map(tick.at);
    if (last - y < 13) continue;
    last = y;
    label(ctx, frame, fitText(ctx, tick.text, room), x + side, y, colors.ink);
    ctx.strokeStyle = colors.ink;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x + Math.sign(side) * 4, y);
    ctx.stroke();
  }
  if (missingY !== null) label(ctx, frame, axis.name === "value" ? "none" : "not set", x + side, missingY, colors.muted);
}

function label(ctx, frame, text, x, y, color) {
  ctx.strokeStyle = frame.colors.surface;
  ctx.lineWidth = 4;
  ctx.globalAlpha = 0.9;
  ctx.strokeText(text, x, y);
  ctx.globalAlpha = 1;
  ctx.fillStyle = color;
  ctx.fillText(text, x, y);
}

/** The range on an axis: a bar with two ends to take hold of. */
export function drawBrush(ctx, frame, axis, range) {
  const [top, bottom] = pixelsOf(axis, range);
  ctx.fillStyle = ctx.strokeStyle = frame.colors.accent;
  ctx.globalAlpha = 0.25;
  ctx.fillRect(axis.x - 7, top, 14, bottom - top);
  ctx.globalAlpha = 1;
  ctx.lineWidth = 1;
  ctx.strokeRect(axis.x - 6.5, top + 0.5, 13, Math.max(1, bottom - top - 1));
  for (const y of [top, bottom]) ctx.fillRect(axis.x - 8, y - 1.5, 16, 3);
}
