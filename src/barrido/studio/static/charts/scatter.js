/** Trials as dots over any two columns, coloured by a third. */
import { MarkChart } from "studio/charts/chart.js";
import { bestRow, calmDomain, columnOf, describe, extentOf, formatIn, rowsByNumber, signOf, stateOf } from "studio/charts/columns.js";
import { drawAlive, drawAxes, drawCross, drawDot, drawStar, jitter, kindOf, layOut, padded } from "studio/charts/frame.js";
import { drawRamp, makeRamp } from "studio/charts/ramp.js";
import { drawRect } from "studio/charts/shapes.js";

const INSET = 34;

/**
 * Model: {sweep, trials, selected, hovered, x, y, color: names of columns.js, logX, logY: bool, or undefined for as the space has it}.
 * Dragging a rectangle emits "brush" with the trials in it, Escape or a click beside the dots with null.
 */
export class Scatter extends MarkChart {
  static NEWS = ["trials", "sweep", "x", "y", "color", "logX", "logY"];

  handlers() {
    const handlers = super.handlers();
    return {
      ...handlers,
      click: (point) => (this.cursor.marks.nearest(point.x, point.y) ? handlers.click(point) : this.brush(null)),
      dragStart: ({ event }) => event.pointerType !== "touch",
      drag: (point, start) => this.stretch(point, start),
      dragEnd: () => this.release(),
      key: (event) => handlers.key(event) || (event.key === "Escape" && (this.rect || this.isBrushed) && this.brush(null)),
    };
  }

  read(before) {
    const { model } = this;
    if (["x", "y", "logX", "logY"].some((key) => before?.[key] !== model[key])) this.rect = null;
    this.columns = { x: columnOf(model, model.x), y: columnOf(model, model.y), color: columnOf(model, model.color ?? "value") };
    this.best = bestRow(model);
  }

  summary() {
    const { x, y, color } = this.columns;
    return `${y.title} over ${x.title} of ${this.model.trials.number.length} trials, coloured by ${color.title}. Arrow keys go from trial to trial.`;
  }

  words(trial) {
    const row = rowsByNumber(this.model.trials).get(trial);
    const { x, y } = this.columns;
    const shown = [x, y].map((column) => [column.name === "value" ? this.model.sweep.metric ?? "value" : column.title, formatIn(column, column.values[row])]);
    const names = new Set(shown.map(([name]) => name));
    const more = describe(this.model, row).filter(([name]) => !names.has(name));
    return { title: `Trial ${trial}${row === this.best ? ", the best" : ""}`, rows: [...shown, ...more] };
  }

  place() {
    const axis = (column, isLog) => {
      const kind = kindOf(column, isLog ?? column.isLog);
      const isMetric = column.name === "value";
      let domain = isMetric ? calmDomain(column.values, signOf(this.model.sweep)) : column.domain;
      if (kind === "log") domain = extentOf(column.values.filter((value) => value > 0), domain[0] > 0 && !isMetric ? domain : []);
      if (kind !== "category") domain = padded(domain, kind);
      const isMissing = !isMetric && column.values.some((value) => Number.isNaN(value) || (kind === "log" && value <= 0));
      return { kind, domain, levels: column.levels, isInteger: column.kind === "integer", title: column.title, inset: isMissing ? INSET : 0 };
    };
    const { x, y } = this.columns;
    const [xAxis, yAxis] = [axis(x, this.model.logX), axis(y, this.model.logY)];
    this.axes = layOut(this.frame, { x: xAxis, y: yAxis }, { top: 46 });
    this.insets = { x: xAxis.inset, y: yAxis.inset };
  }

  /** Where a row lies along one axis. Values off a scale go to its edge, those that are not set between corner and scale. */
  at(which, row) {
    const scale = this.axes[which];
    const { plot } = this.axes;
    const column = this.columns[which];
    const [near, far] = which === "x" ? [plot.left, plot.right] : [plot.bottom, plot.top];
    const inward = far > near ? 1 : -1;
    const at = scale.map(column.values[row]);
    const shake = jitter(this.model.trials.number[row], which === "x" ? 0 : 1);
    if (Number.isNaN(at)) {
      if (column.name !== "value") return near + inward * (this.insets[which] / 2 + shake * 14);
      return (signOf(this.model.sweep) > 0 ? far - inward * 7 : near + inward * 7);
    }
    if (scale.kind === "category") return at + shake * Math.min(scale.step * 0.6, 120);
    return inward * Math.min(inward * far - 2, Math.max(inward * near + 2, inward * at));
  }

  draw(ctx) {
    const { marks } = this.cursor;
    marks.clear();
    this.place();
    const { frame, axes, columns } = this;
    const { trials } = this.model;
    drawAxes(ctx, frame, axes);
    this.drawInsets(ctx);
    const ramp = makeRamp(columns.color, this.model.sweep, frame);
    drawRamp(ctx, frame, ramp, axes.plot.right, 28, axes.plot.right - 8);
    const radius = trials.number.length > 2000 ? 2 : trials.number.length > 300 ? 3 : 4.2;
    const order = Array.from(trials.number.keys()).filter((row) => stateOf(trials, row) !== "waiting" || Number.isFinite(columns.y.values[row]));
    if (!columns.color.levels) order.sort((a, b) => ramp.bucket(columns.color.values[a]) - ramp.bucket(columns.color.values[b]));
    this.running = [];
    for (const row of order) {
      const [x, y, state] = [this.at("x", row), this.at("y", row), stateOf(trials, row)];
      if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
      marks.add(x, y, trials.number[row]);
      if (state === "failed") drawCross(ctx, x, y, Math.min(4, radius + 0.5), frame.colors.bad);
      else if (state === "running") this.running.push([x, y]);
      else {
        ctx.globalAlpha = state === "stopped" ? 0.4 : 0.9;
        drawDot(ctx, x, y, state === "stopped" ? radius * 0.8 : radius, ramp.color(columns.color.values[row]));
        ctx.globalAlpha = 1;
      }
    }
    if (this.best >= 0) drawStar(ctx, this.at("x", this.best), this.at("y", this.best), 8, frame.colors.good, frame.colors.surface);
    this.cursor.refresh();
  }

  drawInsets(ctx) {
    const { plot } = this.axes;
    const { x, y } = this.insets;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = this.frame.colors.muted;
    ctx.font = this.frame.font(10.5);
    ctx.setLineDash([2, 3]);
    ctx.beginPath();
    if (x) {
      ctx.moveTo(plot.left + x + 0.5, plot.top);
      ctx.lineTo(plot.left + x + 0.5, plot.bottom);
      ctx.textAlign = "center";
      ctx.textBaseline = "top";
      ctx.fillText("not set", plot.left + x / 2, plot.bottom + 6);
    }
    if (y) {
      ctx.moveTo(plot.left, plot.bottom - y + 0.5);
      ctx.lineTo(plot.right, plot.bottom - y + 0.5);
      ctx.textAlign = "right";
      ctx.textBaseline = "middle";
      ctx.fillText("not set", plot.left - 8, plot.bottom - y / 2);
    }
    ctx.stroke();
    ctx.restore();
  }

  over(ctx) {
    drawAlive(ctx, this.frame, this.running);
    this.cursor.drawRings(ctx, this.model);
    if (this.rect) drawRect(ctx, this.frame, this.rect);
  }

  stretch(point, start) {
    if (Math.hypot(point.x - start.x, point.y - start.y) < 4) return;
    this.cursor.go(null);
    this.rect = [Math.min(start.x, point.x), Math.min(start.y, point.y), Math.max(start.x, point.x), Math.max(start.y, point.y)];
    this.frame.redrawOver();
  }

  release() {
    if (!this.rect) return;
    const [x1, y1, x2, y2] = this.rect;
    const { xs, ys, ids } = this.cursor.marks;
    const inside = (place) => xs[place] >= x1 && xs[place] <= x2 && ys[place] >= y1 && ys[place] <= y2;
    this.brush(ids.filter((_, place) => inside(place)).sort((a, b) => a - b));
  }

  /** Tells which trials are inside the rectangle, whose drawing then goes: what it picked is marked by `selected`. */
  brush(trials) {
    this.rect = null;
    this.isBrushed = trials !== null;
    this.emit("brush", { trials });
    this.frame.redrawOver();
    return true;
  }
}
