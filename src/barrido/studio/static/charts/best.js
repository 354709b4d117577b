/** How the sweep got on: each trial's value as a dot, the best so far as a line of steps. */
import { MarkChart } from "studio/charts/chart.js";
import { bestRow, calmDomain, describe, extentOf, formatNumber, metricTitle, nowOf, rowsByNumber, signOf, stateOf, toNumber } from "studio/charts/columns.js";
import { drawAlive, drawAxes, drawCross, drawDot, drawStar, layOut, padded } from "studio/charts/frame.js";

/** Model: {sweep, trials, selected, hovered, x: "number"|"time", log}. "time" is when a trial ended, since the sweep began. */
export class BestSoFar extends MarkChart {
  static NEWS = ["trials", "sweep", "x", "log"];

  words(trial) {
    const row = rowsByNumber(this.model.trials).get(trial);
    return { title: `Trial ${trial}${row === this.best ? ", the best" : ""}`, rows: describe(this.model, row) };
  }

  summary() {
    const { sweep, trials } = this.model;
    const count = trials.number.length;
    if (this.best < 0) return `Best ${sweep.metric ?? "value"} so far: no value yet, ${count} trials.`;
    return (
      `Best ${metricTitle(sweep)}, so far: ${formatNumber(trials.value[this.best])} by trial ` +
      `${trials.number[this.best]}, of ${count} trials. Arrow keys go from trial to trial.`
    );
  }

  read() {
    const { sweep, trials, x } = this.model;
    const now = nowOf(this.model);
    const start = sweep.started_at ?? sweep.created_at ?? extentOf(trials.queued_at)[0];
    this.best = bestRow(this.model);
    this.values = Float64Array.from(trials.value, toNumber);
    this.xs = Float64Array.from(trials.number, (number, row) => {
      if (x !== "time") return number;
      const isBegun = trials.started_at[row] !== null || trials.ended_at[row] !== null;
      return isBegun ? (trials.ended_at[row] ?? now) - start : NaN;
    });
    this.steps = this.readSteps(signOf(sweep));
  }

  /** The rows at which the best so far improved, in the order of the x axis. */
  readSteps(sign) {
    const order = Array.from(this.xs.keys()).filter((row) => Number.isFinite(this.values[row]) && Number.isFinite(this.xs[row]));
    order.sort((a, b) => this.xs[a] - this.xs[b]);
    let least = Infinity;
    return order.filter((row) => {
      const isBetter = sign * this.values[row] < least;
      if (isBetter) least = sign * this.values[row];
      return isBetter;
    });
  }

  place() {
    const { sweep, log, x } = this.model;
    const sign = signOf(sweep);
    const shown = log ? extentOf(this.values.filter((value) => value > 0)) : calmDomain(this.values, sign);
    const isTime = x === "time";
    this.axes = layOut(this.frame, {
      x: {
        kind: isTime ? "duration" : "number",
        domain: [0, Math.max(extentOf(this.xs)[1], 1)],
        isInteger: !isTime,
        title: isTime ? "time since the start" : "trial",
      },
      y: { kind: log ? "log" : "number", domain: padded(shown, log ? "log" : "number"), title: metricTitle(sweep) },
    });
    this.edge = sign > 0 ? this.axes.plot.top + 7 : this.axes.plot.bottom - 7;
  }

  /** A value off the scale is drawn at its edge; one that is none (failed, NaN) at the edge where the bad values are. */
  yOf(row) {
    const { top, bottom } = this.axes.plot;
    const y = this.axes.y.map(this.values[row]);
    return Number.isNaN(y) ? this.edge : Math.min(bottom - 2, Math.max(top + 2, y));
  }

  draw(ctx) {
    this.cursor.marks.clear();
    this.place();
    const { frame, axes } = this;
    const { colors } = frame;
    const { trials } = this.model;
    drawAxes(ctx, frame, axes);
    this.drawSteps(ctx);
    const radius = trials.number.length > 2000 ? 1.8 : trials.number.length > 300 ? 2.6 : 3.6;
    this.running = [];
    for (let row = 0; row < trials.number.length; row++) {
      const state = stateOf(trials, row);
      const x = axes.x.map(this.xs[row]);
      const hasValue = Number.isFinite(this.values[row]);
      if (!Number.isFinite(x) || (state === "waiting" && !hasValue)) continue;
      const y = hasValue || state !== "running" ? this.yOf(row) : axes.plot.bottom;
      this.cursor.marks.add(x, y, trials.number[row]);
      if (state === "running") this.running.push([x, y]);
      else if (state === "failed" || !hasValue) {
        ctx.globalAlpha = trials.number.length > 2000 ? 0.5 : 1;
        drawCross(ctx, x, y, Math.min(4, radius + 1), state === "failed" ? colors.bad : colors.muted);
        ctx.globalAlpha = 1;
      } else {
        ctx.globalAlpha = state === "stopped" ? 0.38 : 0.85;
        drawDot(ctx, x, y, radius, state === "stopped" ? colors.muted : colors.c[0]);
        ctx.globalAlpha = 1;
      }
    }
    if (this.best >= 0) drawStar(ctx, axes.x.map(this.xs[this.best]), this.yOf(this.best), 8, colors.good, colors.surface);
    this.cursor.refresh();
  }

  drawSteps(ctx) {
    const { axes, steps } = this;
    if (!steps.length) return;
    ctx.beginPath();
    for (const [place, row] of steps.entries()) {
      const [x, y] = [axes.x.map(this.xs[row]), this.yOf(row)];
      if (place) ctx.lineTo(x, this.yOf(steps[place - 1]));
      ctx[place ? "lineTo" : "moveTo"](x, y);
    }
    ctx.lineTo(axes.x.map(axes.x.domain[1]), this.yOf(steps.at(-1)));
    ctx.strokeStyle = this.frame.colors.good;
    ctx.lineWidth = 2;
    ctx.lineJoin = "round";
    ctx.stroke();
  }

  over(ctx) {
    drawAlive(ctx, this.frame, this.running);
    this.cursor.drawRings(ctx, this.model);
  }
}
