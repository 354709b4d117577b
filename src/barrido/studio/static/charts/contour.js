/** What a model of the results expects over two parameters: filled contours, or cells where one is a category, under the trials. */
import { contours, quantile } from "d3";
import { MarkChart } from "studio/charts/chart.js";
import {
  bestRow, describe, extentOf, formatIn, formatNumber, levelText, metricTitle, paramColumn, rowsByNumber, signOf, stateOf, toNumber,
} from "studio/charts/columns.js";
import { drawAlive, drawAxes, drawCross, drawDot, drawStar, jitter, kindOf, layOut } from "studio/charts/frame.js";
import { drawRamp, makeRamp } from "studio/charts/ramp.js";
import { clip, drawWords } from "studio/charts/shapes.js";
import { counted } from "studio/lib/formats.js";

const LEVELS = 16;
const REACH = 12;
const CALM = 0.3;

/** Model: {sweep, trials, selected, hovered, contour: {x: {param, values}, y: {..}, z: [a row per y]} or {why_not}}. */
export class Contour extends MarkChart {
  static NEWS = ["trials", "sweep", "contour"];

  handlers() {
    return { ...super.handlers(), move: (point) => this.move(point) };
  }

  read() {
    this.field = readField(this.model);
    this.best = bestRow(this.model);
  }

  words(trial) {
    const row = rowsByNumber(this.model.trials).get(trial);
    const { x, y } = this.field;
    const own = [x, y].map(({ column }) => [column.title, formatIn(column, column.values[row])]);
    const names = new Set(own.map(([name]) => name));
    const rows = describe(this.model, row);
    return { title: `Trial ${trial}${row === this.best ? ", the best" : ""}`, rows: [rows[0], ...own, ...rows.slice(1).filter(([name]) => !names.has(name))] };
  }

  whyNot() {
    return this.model.contour?.why_not || "There is no model yet of these two parameters.";
  }

  summary() {
    const { field, model } = this;
    if (!field) return this.whyNot();
    const { x, y, best } = field;
    const where = [x, y].map((axis, which) => `${axis.column.title} ${axis.text(best[which])}`).join(" and ");
    return (
      `${metricTitle(model.sweep)}, as a model expects it over ${x.column.title} and ${y.column.title}: ` +
      `best near ${where}, ${formatNumber(best[2])}. ${counted(model.trials.number.length, "trial")} as dots, arrow keys go through them.`
    );
  }

  place() {
    const axis = ({ column, values }) => ({
      kind: kindOf(column),
      domain: column.levels || !values.length ? column.domain : extentOf(column.values, values),
      levels: column.levels,
      isInteger: column.kind === "integer",
      title: column.title,
    });
    const { x, y, z } = this.field;
    this.axes = layOut(this.frame, { x: axis(x), y: axis(y) }, { top: 46 });
    const values = shownValues(z.flat(), this.model.trials);
    const shown = { name: "value", title: metricTitle(this.model.sweep), kind: "number", isLog: false, levels: null, values };
    this.ramp = makeRamp(shown, this.model.sweep, this.frame);
    this.xs = edges(this.axes.x, x.values);
    this.ys = edges(this.axes.y, y.values);
  }

  draw(ctx) {
    const { marks } = this.cursor;
    marks.clear();
    this.axes = null;
    if (!this.field) return drawWords(ctx, this.frame, this.whyNot());
    this.place();
    const { frame, axes, ramp } = this;
    drawAxes(ctx, frame, axes);
    this.drawField(ctx);
    drawRamp(ctx, frame, ramp, axes.plot.right, 28, axes.plot.right - 8);
    this.drawTrials(ctx);
    this.cursor.refresh();
  }

  drawField(ctx) {
    ctx.save();
    clip(ctx, this.axes.plot);
    const isGrid = ["x", "y"].every((which) => this.axes[which].kind !== "category" && this.field[which].values.length > 1);
    if (isGrid) this.drawContours(ctx);
    else this.drawCells(ctx);
    ctx.restore();
  }

  /** d3 works on the places of the grid; these are as far apart in pixels as their values are on the (log) scale. */
  drawContours(ctx) {
    const { ramp, field, xs, ys } = this;
    const [low, high] = ramp.domain;
    const step = (high - low) / LEVELS || 1;
    const steps = Array.from({ length: LEVELS }, (_, place) => low + place * step);
    const shapes = contours().size([field.x.values.length, field.y.values.length]).thresholds([-Number.MAX_VALUE, ...steps.slice(1)])(field.z.flat());
    const path = new Path2D();
    for (const [place, { coordinates }] of shapes.entries()) {
      const shape = place ? new Path2D() : path;
      for (const ring of coordinates.flat()) {
        ring.forEach(([i, j], corner) => shape[corner ? "lineTo" : "moveTo"](between(xs, i), between(ys, j)));
        shape.closePath();
      }
      ctx.fillStyle = ramp.color(steps[place] + step / 2);
      ctx.fill(shape);
      if (place) path.addPath(shape);
    }
    this.soften(ctx, path);
    ctx.strokeStyle = this.frame.colors.surface;
    ctx.globalAlpha = 0.4;
    ctx.lineWidth = 1;
    ctx.stroke(path);
  }

  drawCells(ctx) {
    const { ramp, field, xs, ys, axes, frame } = this;
    const inset = { x: axes.x.kind === "category" ? 1.5 : -0.3, y: axes.y.kind === "category" ? 1.5 : -0.3 };
    const path = new Path2D();
    for (const [j, row] of field.z.entries()) {
      for (const [i, z] of row.entries()) {
        const [left, right] = [Math.min(xs[i], xs[i + 1]) + inset.x, Math.max(xs[i], xs[i + 1]) - inset.x];
        const [top, bottom] = [Math.min(ys[j], ys[j + 1]) + inset.y, Math.max(ys[j], ys[j + 1]) - inset.y];
        if (!Number.isFinite(z) || !(right > left && bottom > top)) continue;
        ctx.fillStyle = ramp.color(z);
        ctx.fillRect(left, top, right - left, bottom - top);
        path.rect(left, top, right - left, bottom - top);
      }
    }
    this.soften(ctx, path);
    if (axes.x.kind !== "category" || axes.y.kind !== "category") return;
    ctx.globalAlpha = 1;
    ctx.font = frame.font(11, "600");
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    ctx.fillStyle = frame.colors.ink;
    for (const [j, row] of field.z.entries()) {
      for (const [i, z] of row.entries()) {
        if (Math.abs(ys[j + 1] - ys[j]) < 34 || ctx.measureText(formatNumber(z, 3)).width > Math.abs(xs[i + 1] - xs[i]) - 14) continue;
        ctx.fillText(formatNumber(z, 3), Math.min(xs[i], xs[i + 1]) + 7, Math.min(ys[j], ys[j + 1]) + 7);
      }
    }
  }

  /** The field steps back behind the dots, which have the full colours. */
  soften(ctx, path) {
    ctx.fillStyle = this.frame.colors.surface;
    ctx.globalAlpha = CALM;
    ctx.fill(path, "nonzero");
  }

  drawTrials(ctx) {
    const { frame, axes, ramp, field } = this;
    const { trials } = this.model;
    const { colors } = frame;
    const values = Float64Array.from(trials.value, toNumber);
    const many = trials.number.length;
    const radius = many > 2000 ? 2 : many > 300 ? 3 : 4.4;
    const place = (which, row, salt) => {
      const scale = axes[which];
      const at = scale.map(field[which].column.values[row]);
      return scale.kind === "category" ? at + jitter(trials.number[row], salt) * Math.min(scale.step * 0.6, 90) : at;
    };
    this.running = [];
    for (let row = 0; row < many; row++) {
      const state = stateOf(trials, row);
      const [x, y] = [place("x", row, 0), place("y", row, 1)];
      if (!Number.isFinite(x) || !Number.isFinite(y) || (state === "waiting" && Number.isNaN(values[row]))) continue;
      this.cursor.marks.add(x, y, trials.number[row]);
      if (state === "running") this.running.push([x, y]);
      else if (state === "failed" || !Number.isFinite(values[row])) {
        drawDot(ctx, x, y, Math.min(6, radius + 2), colors.surface);
        drawCross(ctx, x, y, Math.min(3.2, radius), colors.bad);
      } else {
        const size = state === "stopped" ? radius * 0.8 : radius;
        drawDot(ctx, x, y, size + (many > 300 ? 0.8 : 1.4), colors.surface);
        drawDot(ctx, x, y, size, ramp.color(values[row]));
      }
    }
    if (this.best >= 0) drawStar(ctx, place("x", this.best, 0), place("y", this.best, 1), 9, colors.good, colors.surface);
  }

  /** Beside the dots the tooltip tells what the model expects there. */
  move(point) {
    if (!this.axes) return;
    const mark = point && this.cursor.marks.nearest(point.x, point.y, REACH);
    this.cursor.go(mark);
    if (mark || !point) return mark || this.frame.hideTip();
    const [i, j] = [placeIn(this.xs, point.x), placeIn(this.ys, point.y)];
    const { x, y, z } = this.field;
    if (i < 0 || j < 0) return this.frame.hideTip();
    const rows = [
      [this.model.sweep.metric ?? "value", formatNumber(z[j][i])],
      [x.column.title, x.text(i)],
      [y.column.title, y.text(j)],
    ];
    this.frame.showTip(point.x, point.y, "Expected here", rows);
  }

  over(ctx) {
    if (!this.axes) return;
    drawAlive(ctx, this.frame, this.running);
    this.cursor.drawRings(ctx, this.model);
  }
}

/** {x, y, z, best: [i, j, z]}: the answer in the columns' own numbers; null where there is none. */
function readField(model) {
  const { contour, sweep } = model;
  if (!contour?.z?.length) return null;
  const [x, y] = ["x", "y"].map((which) => readAxis(model, contour[which]));
  const z = contour.z.map((row) => row.map(toNumber));
  const sign = signOf(sweep);
  let best = [0, 0, NaN];
  z.forEach((row, j) => row.forEach((value, i) => (Number.isNaN(best[2]) || sign * value < sign * best[2]) && (best = [i, j, value])));
  return { x, y, z, best };
}

function readAxis(model, { param, values }) {
  const column = paramColumn(model, param);
  const places = values.map((value) => (column.levels ? column.levels.indexOf(levelText(value)) : toNumber(value)));
  return { column, values: places, text: (place) => formatIn(column, places[place]) };
}

/** The values that the colours are for: those of the field, and the middle half of the trials' as far as that leaves the field its contrast. */
function shownValues(field, trials) {
  const [low, high] = extentOf(field);
  const own = trials.value.map(toNumber).filter(Number.isFinite);
  if (!own.length) return field;
  const spare = (high - low) / 2;
  return [...field, Math.max(low - spare, Math.min(low, quantile(own, 0.25))), Math.min(high + spare, Math.max(high, quantile(own, 0.75)))];
}

/** Pixels of the borders between neighbouring values: one more than there are values. */
function edges(scale, values) {
  const at = values.map(scale.map);
  if (scale.kind === "category") {
    const half = (scale.range[1] > scale.range[0] ? 1 : -1) * scale.step * 0.5;
    return [...at.map((px) => px - half), at.at(-1) + half];
  }
  if (at.length < 2) return [scale.range[0], scale.range[1]];
  const inner = at.slice(1).map((px, place) => (px + at[place]) / 2);
  return [2 * at[0] - inner[0], ...inner, 2 * at.at(-1) - inner.at(-1)];
}

/** Pixels of a place between the borders: `at` 0 is the first border, 0.5 the first value. */
function between(borders, at) {
  const low = Math.min(borders.length - 2, Math.max(0, Math.floor(at)));
  return borders[low] + (at - low) * (borders[low + 1] - borders[low]);
}

/** Which value's stretch holds the pixel; -1 for none. */
function placeIn(borders, px) {
  return borders.slice(1).findIndex((border, place) => (px - border) * (px - borders[place]) <= 0);
}
