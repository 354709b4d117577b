/** A metric step by step, one line a trial. */
import { calmDomain, describe, extentOf, formatNumber, metricTitle, rowsByNumber, signOf, stateOf, toNumber } from "studio/charts/columns.js";
import { Frame, drawAlive, drawAxes, drawDot, drawStar, fitText, layOut, padded } from "studio/charts/frame.js";
import { nearestPoint, readLines } from "studio/charts/lines.js";
import { makeRamp } from "studio/charts/ramp.js";
import { clip, drawRect } from "studio/charts/shapes.js";

const FEW = 10; // lines that are told apart by series colours, with their numbers at the end
const POINTS_A_SLICE = 1500;
const ZOOM_PX = 12;

/**
 * Model: {sweep, trials, selected, hovered, curves: Curves of the API, logX, logY, smoothing: 0..1}.
 *
 * Dragging zooms (along x alone when the drag is flat), a double click or "0" resets, "+" and "-" zoom along x. Up and
 * down go from line to line, left and right along a line, Enter selects.
 */
export class Curves {
  constructor(root, emit) {
    this.emit = emit;
    this.at = null; // {line, place}: the point under the pointer or reached by keys
    this.lines = [];
    this.view = { x: null, y: null };
    this.frame = new Frame(root, {
      draw: (ctx) => this.draw(ctx),
      over: (ctx) => this.over(ctx),
      move: (point) => this.go(point && this.axes ? nearestPoint(this.lines, this.axes, point) : null),
      click: () => this.at && this.emit("select", { trial: this.at.line.trial }),
      doubleClick: () => this.zoom({ x: null, y: null }),
      dragStart: ({ event }) => event.pointerType !== "touch",
      drag: (point, start) => this.stretch(point, start),
      dragEnd: () => this.release(),
      key: (event) => this.key(event),
      blur: () => this.go(null),
    });
  }

  update(model) {
    const before = this.model;
    const changed = (...keys) => !before || keys.some((key) => before[key] !== model[key]);
    if (!before || changed("logX", "logY") || before.curves?.metric !== model.curves?.metric) this.view = { x: null, y: null };
    this.model = model;
    if (!changed("curves", "trials", "sweep", "logX", "logY", "smoothing")) return this.frame.redrawOver();
    if (changed("curves", "smoothing")) this.lines = readLines(model.curves, model.smoothing ?? 0);
    this.read();
    this.frame.redraw();
  }

  destroy() {
    this.frame.destroy();
  }

  read() {
    const { sweep, trials, curves, logX, logY } = this.model;
    const isPrimary = (curves?.metric ?? sweep.metric) === sweep.metric;
    this.title = isPrimary ? metricTitle(sweep) : curves.metric;
    const rows = rowsByNumber(trials);
    for (const line of this.lines) {
      line.row = rows.get(line.trial) ?? -1;
      line.state = line.row < 0 ? "completed" : stateOf(trials, line.row);
    }
    if (this.at) this.go(this.pointOn(this.lines.find(({ trial }) => trial === this.at.line.trial), this.at.place));
    const xs = Float64Array.from(this.lines.flatMap(({ xs: steps }) => [steps[0], steps.at(-1)]));
    this.isWhole = xs.every(Number.isInteger);
    const positive = (values) => values.filter((value) => value > 0);
    const all = new Float64Array(this.lines.reduce((count, { ys }) => count + ys.length, 0));
    let from = 0;
    for (const { ys } of this.lines) {
      all.set(ys, from);
      from += ys.length;
    }
    const low = logX ? Math.min(...this.lines.map((line) => line.xs.find((step) => step > 0) ?? Infinity)) : 0;
    this.domain = {
      x: logX ? extentOf(positive(xs), [low]) : extentOf(xs),
      y: logY ? extentOf(positive(all)) : isPrimary ? calmDomain(all, signOf(sweep)) : extentOf(all),
    };
    this.best = isPrimary ? bestPoint(this.lines, signOf(sweep)) : null;
    const best = this.best ? `, the best ${formatNumber(this.best.line.ys[this.best.place])} in trial ${this.best.line.trial}` : "";
    this.frame.describe(`${this.title}, step by step: ${this.lines.length} lines${best}. Up and down go from line to line, left and right along a line.`);
  }

  place() {
    const { logX, logY, curves } = this.model;
    const isFew = this.lines.length <= FEW;
    this.axes = layOut(
      this.frame,
      {
        x: { kind: logX ? "log" : "number", domain: this.view.x ?? this.domain.x, isInteger: this.isWhole, title: curves?.step_name ?? "step" },
        y: { kind: logY ? "log" : "number", domain: this.view.y ?? padded(this.domain.y, logY ? "log" : "number"), title: this.title },
      },
      { right: isFew ? 40 : 16 },
    );
  }

  *draw(ctx) {
    this.place();
    const { frame, axes, lines, best } = this;
    const isFew = lines.length <= FEW;
    const column = { name: "value", levels: null, values: Float64Array.from(this.model.trials.value, toNumber) };
    const ramp = makeRamp(column, this.model.sweep, frame, true);
    const painted = lines.map((line, place) => {
      const value = line.row < 0 ? NaN : column.values[line.row];
      line.color = isFew ? frame.colors.c[place % frame.colors.c.length] : ramp.color(value);
      return { line, rank: line.state === "completed" || line.state === "running" ? ramp.bucket(value) + 100 : ramp.bucket(value) };
    });
    painted.sort((a, b) => a.rank - b.rank);
    drawAxes(ctx, frame, axes);
    clip(ctx, roomy(axes.plot));
    ctx.lineJoin = "round";
    const calm = isFew ? 1 : lines.length > 2000 ? 0.45 : 0.75;
    const isRawShown = isFew && this.model.smoothing > 0;
    let count = 0;
    for (const { line } of painted) {
      const alpha = line.state === "stopped" || line.state === "failed" ? calm * (isFew ? 0.55 : 0.42) : calm;
      ctx.lineWidth = isFew ? 1.8 : lines.length > 1500 ? 1 / frame.ratio : 1.25;
      if (isRawShown) {
        ctx.globalAlpha = 0.2;
        trace(ctx, axes, line, line.raw, line.color);
      }
      ctx.globalAlpha = alpha;
      trace(ctx, axes, line, line.ys, line.color);
      count += line.xs.length + 20;
      if (count > POINTS_A_SLICE) {
        count = 0;
        yield;
      }
    }
    ctx.globalAlpha = 1;
    if (best) {
      ctx.lineWidth = 2.2;
      const color = isFew ? best.line.color : frame.colors.good;
      trace(ctx, axes, best.line, best.line.ys, color);
    }
    ctx.restore();
    ctx.save();
    if (best) this.drawBest(ctx, best);
    if (isFew) this.drawNumbers(ctx);
  }

  drawBest(ctx, { line, place }) {
    const { x, y, plot } = this.axes;
    const [px, py] = [x.map(line.xs[place]), y.map(line.ys[place])];
    const isInside = px >= plot.left && px <= plot.right && py >= plot.top - 4 && py <= plot.bottom;
    if (isInside) drawStar(ctx, px, py, 8, this.frame.colors.good, this.frame.colors.surface);
  }

  /** Each line's number at its end, unless another's is there already. */
  drawNumbers(ctx) {
    const { axes } = this;
    ctx.font = this.frame.font(11, "600");
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    const taken = [];
    for (const line of this.lines) {
      const [x, y] = [axes.x.map(line.xs.at(-1)), axes.y.map(line.ys.at(-1))];
      if (!(x >= axes.plot.left && x <= axes.plot.right && y >= axes.plot.top && y <= axes.plot.bottom)) continue;
      if (taken.some(([left, top]) => Math.abs(left - x) < 34 && Math.abs(top - y) < 11)) continue;
      taken.push([x, y]);
      ctx.fillStyle = line.color;
      ctx.fillText(fitText(ctx, `#${line.trial}`, 36), x + 5, y);
    }
  }

  over(ctx) {
    const { axes, frame, lines } = this;
    ctx.save();
    clip(ctx, roomy(axes.plot));
    ctx.lineJoin = "round";
    const { selected, hovered } = this.model;
    const isOn = (line) => selected?.has(line.trial) || line.trial === hovered || line === this.at?.line;
    for (const line of selected?.size || hovered !== null || this.at ? lines.filter(isOn) : []) {
      ctx.lineWidth = 5;
      trace(ctx, axes, line, line.ys, frame.colors.surface);
      ctx.lineWidth = 2.5;
      trace(ctx, axes, line, line.ys, line === this.at?.line ? frame.colors.accent : line.color);
    }
    const alive = lines.filter(({ state }) => state === "running").slice(0, 64);
    drawAlive(ctx, frame, alive.map((line) => [axes.x.map(line.xs.at(-1)), axes.y.map(line.ys.at(-1))]).filter((spot) => spot.every(Number.isFinite)));
    ctx.restore();
    if (this.at) {
      const { x, y } = this.spot();
      drawDot(ctx, x, y, 4.5, frame.colors.accent, frame.colors.surface);
    }
    if (this.rect) drawRect(ctx, frame, this.rect);
  }

  spot() {
    const { line, place } = this.at;
    return { x: this.axes.x.map(line.xs[place]), y: this.axes.y.map(line.ys[place]) };
  }

  pointOn(line, place) {
    return line ? { line, place: Math.min(line.xs.length - 1, Math.max(0, place)) } : null;
  }

  go(point, isSaid = false) {
    const before = this.at;
    this.at = point;
    if (before?.line === point?.line && before?.place === point?.place) return;
    if (before?.line.trial !== point?.line.trial) this.emit("hover", { trial: point?.line.trial ?? null });
    this.frame.redrawOver();
    if (!point) return this.frame.hideTip();
    const { line, place } = point;
    const { curves } = this.model;
    const value = formatNumber(line.raw[place]);
    const smooth = this.model.smoothing > 0 ? [["smoothed", formatNumber(line.ys[place])]] : [];
    const facts = line.row < 0 ? [] : describe(this.model, line.row).slice(1);
    const { x, y } = this.spot();
    const rows = [[curves.step_name ?? "step", formatNumber(line.xs[place])], [curves.metric, value], ...smooth, ...facts];
    this.frame.showTip(x, y, `Trial ${line.trial}${line === this.best?.line ? ", the best" : ""}`, rows);
    if (isSaid) this.frame.say(`Trial ${line.trial}, ${rows.map((row) => row.join(" ")).join(", ")}`);
  }

  key({ key }) {
    const { at, lines } = this;
    const along = { ArrowLeft: -1, ArrowRight: 1 }[key];
    const across = { ArrowUp: 1, ArrowDown: -1 }[key];
    if (!lines.length || !this.axes) return false;
    if (along && at) this.go(this.pointOn(at.line, at.place + along), true);
    else if (along || across) {
      const order = [...lines].sort((a, b) => a.ys.at(-1) - b.ys.at(-1));
      const next = at ? order.indexOf(at.line) + (across ?? 0) : order.indexOf(this.best?.line ?? order[0]);
      const line = order[Math.min(order.length - 1, Math.max(0, next))];
      this.go(this.pointOn(line, at ? at.place : line.xs.length - 1), true);
    } else if (key === "Enter" && at) this.emit("select", { trial: at.line.trial });
    else if (key === "Escape" && at) this.go(null);
    else if (key === "0") this.zoom({ x: null, y: null });
    else if (key === "+" || key === "-") this.zoom({ ...this.view, x: this.around(key === "+" ? 0.5 : 2) });
    else return false;
    this.follow();
    return true;
  }

  /** Moves a zoomed view along with the point that the keys have reached. */
  follow() {
    const { x } = this.view;
    const step = this.at?.line.xs[this.at.place];
    if (!x || step === undefined || (step >= x[0] && step <= x[1])) return;
    const shift = step < x[0] ? step - x[0] : step - x[1];
    this.view = { ...this.view, x: [x[0] + shift, x[1] + shift] };
    this.place();
    const { x: left, y: top } = this.spot();
    this.frame.moveTip(left, top);
    this.frame.redraw();
  }

  /** The x range scaled by `factor` around the current point, or around the middle; null for all of it. */
  around(factor) {
    const [left, right] = this.axes.x.range;
    const center = Math.min(right, Math.max(left, this.at ? this.spot().x : (left + right) / 2));
    const ends = [left, right].map((px) => this.axes.x.invert(center + (px - center) * factor));
    const [low, high] = [Math.max(ends[0], this.domain.x[0]), Math.min(ends[1], this.domain.x[1])];
    return low <= this.domain.x[0] && high >= this.domain.x[1] ? null : [low, high];
  }

  zoom(view) {
    this.view = view;
    this.go(null);
    this.frame.redraw();
  }

  stretch(point, start) {
    if (Math.hypot(point.x - start.x, point.y - start.y) < 4 || !this.axes) return;
    this.go(null);
    const { left, right, top, bottom } = this.axes.plot;
    const within = (value, low, high) => Math.min(high, Math.max(low, value));
    const isFlat = Math.abs(point.y - start.y) < ZOOM_PX;
    const [x1, x2] = [start.x, point.x].map((x) => within(x, left, right)).sort((a, b) => a - b);
    const [y1, y2] = isFlat ? [top, bottom] : [start.y, point.y].map((y) => within(y, top, bottom)).sort((a, b) => a - b);
    this.rect = [x1, y1, x2, y2];
    this.isFlat = isFlat;
    this.frame.redrawOver();
  }

  release() {
    if (!this.rect) return;
    const [x1, y1, x2, y2] = this.rect;
    const { x, y } = this.axes;
    this.rect = null;
    if (x2 - x1 < 4) return this.frame.redrawOver();
    this.zoom({ x: [x.invert(x1), x.invert(x2)], y: this.isFlat ? this.view.y : [y.invert(y2), y.invert(y1)] });
  }
}

function bestPoint(lines, sign) {
  let best = null;
  let least = Infinity;
  for (const line of lines) {
    for (let place = 0; place < line.raw.length; place++) {
      const loss = sign * line.raw[place];
      if (loss < least && Number.isFinite(loss)) {
        least = loss;
        best = { line, place };
      }
    }
  }
  return best;
}

/** A plot with room for the width of lines that run along its upper and right edge. */
function roomy(plot) {
  return { ...plot, top: plot.top - 4, right: plot.right + 4 };
}

/** Points without a place break the line; a point alone is a dot. */
function trace(ctx, { x, y, plot }, { xs }, ys, color) {
  ctx.beginPath();
  ctx.strokeStyle = color;
  let drawn = 0;
  let [lastX, lastY] = [0, 0];
  let isPenDown = false;
  for (let place = 0; place < xs.length; place++) {
    const [px, py] = [x.map(xs[place]), y.map(ys[place])];
    if (Number.isNaN(px) || Number.isNaN(py)) {
      isPenDown = false;
      continue;
    }
    ctx[isPenDown ? "lineTo" : "moveTo"](px, py);
    [isPenDown, lastX, lastY] = [true, px, py];
    drawn += 1;
    if (px > plot.right) break;
  }
  ctx.stroke();
  if (drawn === 1) drawDot(ctx, lastX, lastY, 2, color);
}
