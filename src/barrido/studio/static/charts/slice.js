/** The value along one parameter: trials as dots, and what a model of them expects on average over the others. */
import { MarkChart } from "studio/charts/chart.js";
import {
  bestRow, calmDomain, columnOf, describe, extentOf, formatIn, formatNumber, levelText, metricTitle, paramColumn, rowsByNumber, signOf, stateOf, toNumber,
} from "studio/charts/columns.js";
import { drawAlive, drawAxes, drawCross, drawDot, drawStar, jitter, kindOf, layOut } from "studio/charts/frame.js";
import { clip, drawKey, drawWords } from "studio/charts/shapes.js";
import { counted } from "studio/lib/formats.js";

/** Model: {sweep, trials, selected, hovered, param, slice: {x, mean, spread}|null}. Without a slice, the dots alone. */
export class Slice extends MarkChart {
  static NEWS = ["trials", "sweep", "param", "slice"];

  read() {
    const { model } = this;
    this.x = paramColumn(model, model.param);
    this.y = columnOf(model, "value");
    this.best = bestRow(model);
    this.expected = this.readSlice();
  }

  words(trial) {
    const row = rowsByNumber(this.model.trials).get(trial);
    const own = [this.x.title, formatIn(this.x, this.x.values[row])];
    const rows = describe(this.model, row);
    return { title: `Trial ${trial}${row === this.best ? ", the best" : ""}`, rows: [rows[0], own, ...rows.slice(1).filter(([name]) => name !== own[0])] };
  }

  summary() {
    const { trials, sweep, param } = this.model;
    const best = this.expected.reduce((least, one) => (least && signOf(sweep) * (least.mean - one.mean) <= 0 ? least : one), null);
    const expects = best ? ` A model expects the best mean, ${formatNumber(best.mean)}, near ${formatIn(this.x, best.x)}.` : "";
    return `${metricTitle(sweep)}, along ${param}, of ${counted(trials.number.length, "trial")}.${expects} Arrow keys go from trial to trial.`;
  }

  /** [{x, mean, spread}] in the column's own numbers, without the points that are none. */
  readSlice() {
    const { slice } = this.model;
    if (!slice?.x) return [];
    const places = new Map(this.x.levels?.map((level, place) => [level, place]));
    const points = slice.x.map((x, place) => ({
      x: this.x.levels ? places.get(levelText(x)) ?? NaN : toNumber(x),
      mean: toNumber(slice.mean[place]),
      spread: toNumber(slice.spread?.[place]) || 0,
    }));
    return points.filter(({ x, mean }) => Number.isFinite(x) && Number.isFinite(mean));
  }

  place() {
    const { x, y, expected } = this;
    const kind = kindOf(x);
    const reach = expected.flatMap(({ mean, spread }) => [mean - spread, mean + spread]);
    const calm = y.values.some(Number.isFinite) || !reach.length ? calmDomain(y.values, signOf(this.model.sweep)) : extentOf(reach);
    const room = 0.35 * (calm[1] - calm[0]);
    const [low, high] = extentOf(reach.map((value) => Math.min(calm[1] + room, Math.max(calm[0] - room, value))), calm);
    const pad = (high - low) * 0.05;
    const missing = x.values.reduce((sum, value) => sum + Number.isNaN(value), 0);
    let domain = x.domain;
    if (kind === "number") domain = [domain[0] - (domain[1] - domain[0]) * 0.02, domain[1] + (domain[1] - domain[0]) * 0.02];
    const title = missing ? `${x.title} (${missing} of ${x.values.length} trials have none)` : x.title;
    this.axes = layOut(
      this.frame,
      { x: { kind, domain, levels: x.levels, isInteger: x.kind === "integer", title }, y: { domain: [low - pad, high + pad], title: y.title } },
      { top: 46 },
    );
  }

  xOf(row) {
    const scale = this.axes.x;
    const at = scale.map(this.x.values[row]);
    return scale.kind === "category" ? at + jitter(this.model.trials.number[row]) * Math.min(scale.step * 0.6, 60) : at;
  }

  /** As in BestSoFar: what is off the scale lies at its edge, what is no number at the edge of the bad values. */
  yOf(row, isRunning) {
    const { top, bottom } = this.axes.plot;
    const y = this.axes.y.map(this.y.values[row]);
    if (!Number.isNaN(y)) return Math.min(bottom - 2, Math.max(top + 2, y));
    return isRunning ? bottom : signOf(this.model.sweep) > 0 ? top + 7 : bottom - 7;
  }

  draw(ctx) {
    const { marks } = this.cursor;
    marks.clear();
    this.axes = null;
    if (!this.model.trials.number.length) return drawWords(ctx, this.frame, "No trial has a value yet.");
    this.place();
    const { frame, axes } = this;
    const { colors } = frame;
    const { trials } = this.model;
    drawAxes(ctx, frame, axes);
    this.drawKey(ctx);
    const radius = trials.number.length > 2000 ? 1.8 : trials.number.length > 300 ? 2.6 : 3.6;
    this.running = [];
    this.drawBand(ctx);
    for (let row = 0; row < trials.number.length; row++) {
      const state = stateOf(trials, row);
      const hasValue = Number.isFinite(this.y.values[row]);
      const [x, y] = [this.xOf(row), this.yOf(row, state === "running")];
      if (!Number.isFinite(x) || (state === "waiting" && !hasValue)) continue;
      marks.add(x, y, trials.number[row]);
      if (state === "running") this.running.push([x, y]);
      else if (state === "failed" || !hasValue) drawCross(ctx, x, y, Math.min(4, radius + 1), state === "failed" ? colors.bad : colors.muted);
      else {
        ctx.globalAlpha = state === "stopped" ? 0.38 : 0.8;
        drawDot(ctx, x, y, radius, state === "stopped" ? colors.muted : colors.c[0]);
        ctx.globalAlpha = 1;
      }
    }
    this.drawMean(ctx);
    if (this.best >= 0) drawStar(ctx, this.xOf(this.best), this.yOf(this.best), 8, colors.good, colors.surface);
    this.cursor.refresh();
  }

  /** Pixels of the model's points; a category's is as wide as its step allows. */
  points() {
    const { x, y } = this.axes;
    const half = x.kind === "category" ? Math.min(x.step * 0.36, 42) : 0;
    return this.expected.map((one) => ({ x: x.map(one.x), half, mean: y.map(one.mean), low: y.map(one.mean - one.spread), high: y.map(one.mean + one.spread) }));
  }

  drawBand(ctx) {
    const points = this.points();
    if (!points.length || !this.expected.some(({ spread }) => spread > 0)) return;
    ctx.save();
    clip(ctx, this.axes.plot);
    ctx.fillStyle = this.frame.colors.c[1];
    ctx.globalAlpha = 0.16;
    ctx.beginPath();
    if (points[0].half) {
      for (const { x, half, low, high } of points) ctx.roundRect(x - half, high, 2 * half, Math.max(1, low - high), 4);
    } else {
      points.forEach(({ x, high }) => ctx.lineTo(x, high));
      [...points].reverse().forEach(({ x, low }) => ctx.lineTo(x, low));
    }
    ctx.fill();
    ctx.restore();
  }

  drawMean(ctx) {
    ctx.save();
    clip(ctx, this.axes.plot);
    ctx.lineJoin = "round";
    ctx.beginPath();
    for (const { x, half, mean } of this.points()) {
      if (half) ctx.moveTo(x - half, mean);
      ctx.lineTo(x + half, mean);
    }
    const { colors } = this.frame;
    for (const [color, width] of [[colors.surface, 5], [colors.c[1], 2.5]]) {
      ctx.strokeStyle = color;
      ctx.lineWidth = width;
      ctx.stroke();
    }
    ctx.restore();
  }

  drawKey(ctx) {
    const { colors } = this.frame;
    const dot = (color, alpha) => (pen, x, y) => {
      pen.globalAlpha = alpha;
      drawDot(pen, x, y, 3.6, color);
    };
    const states = new Set(this.model.trials.phase.map((_, row) => stateOf(this.model.trials, row)));
    const items = [{ text: "trial", sign: dot(colors.c[0], 0.85) }];
    if (this.expected.length) items.push({ text: "expected", sign: (pen, x, y) => drawSample(pen, x, y, colors.c[1]) });
    if (this.best >= 0) items.push({ text: "best", sign: (pen, x, y) => drawStar(pen, x, y, 6, colors.good, colors.surface) });
    if (states.has("stopped")) items.push({ text: "stopped early", sign: dot(colors.muted, 0.45) });
    if (states.has("failed")) items.push({ text: "failed", sign: (pen, x, y) => drawCross(pen, x, y, 3.6, colors.bad) });
    drawKey(ctx, this.frame, items, 4, 29, this.frame.width - 8);
  }

  over(ctx) {
    if (!this.axes) return;
    drawAlive(ctx, this.frame, this.running);
    this.cursor.drawRings(ctx, this.model);
  }
}

function drawSample(ctx, x, y, color) {
  ctx.fillStyle = ctx.strokeStyle = color;
  ctx.globalAlpha = 0.2;
  ctx.fillRect(x - 7, y - 5, 14, 10);
  ctx.globalAlpha = 1;
  ctx.fillRect(x - 7, y - 1, 14, 2);
}
