/** Parallel coordinates: a line a trial through all parameters and the metric; brush, reorder, turn the axes. */
import { describe, formatNumber, metricTitle, rowsByNumber, stateOf } from "studio/charts/columns.js";
import { Frame } from "studio/charts/frame.js";
import { passes, pixelsOf, rangeBetween, rangeText, shifted } from "studio/charts/brushes.js";
import { drawAxis, drawBrush, drawKey, drawRunning, drawTrial, paintLines } from "studio/charts/parallel-drawing.js";
import { placeAxes, readAxes } from "studio/charts/parallel-axes.js";
import { Titles } from "studio/charts/titles.js";

const GRAB_PX = 14;
const EDGE_PX = 6;
const REACH_PX = 14;
const TELL_MS = 150; // how often a moving brush tells which trials are left

/**
 * Model: {sweep, trials, selected, hovered, logValue: bool}.
 *
 * Drag along an axis for a range (several axes: all must hold), drag the range or its ends, click beside the lines to
 * clear; drag a name to move its axis, double click it to turn it. On a focused name: up and down move the range,
 * with shift they widen and narrow it, left and right move the axis, Enter turns it, Escape clears its range. On the
 * chart: up and down go from trial to trial by value, Enter selects.
 */
export class Parallel {
  constructor(root, emit) {
    this.emit = emit;
    this.ranges = new Map();
    this.flipped = new Set();
    this.order = [];
    this.axes = [];
    this.at = null;
    this.frame = new Frame(root, {
      draw: (ctx) => this.draw(ctx),
      over: (ctx) => this.over(ctx),
      move: (point) => this.go(point && this.nearest(point), point),
      click: (point) => this.click(point),
      doubleClick: (point) => this.flip(this.axisAt(point)?.name),
      dragStart: (point) => this.grab(point),
      drag: (point, start) => this.pull(point, start),
      dragEnd: () => this.release(),
      key: (event) => this.key(event),
      blur: () => this.go(null),
    });
    this.titles = new Titles(this.frame, {
      drag: (name, x) => this.dragTitle(name, x),
      drop: () => this.dropTitle(),
      flip: (name) => this.flip(name),
      key: (name, event) => this.titleKey(name, event),
    });
    // A finger on an axis brushes, anywhere else it scrolls the page.
    const hold = (event) => {
      if (this.axisAt(this.frame.pointOf(event.touches[0]))) event.preventDefault();
    };
    this.frame.listen(this.frame.top, "touchstart", hold, { passive: false });
  }

  update(model) {
    const isNews = !this.model || ["trials", "sweep", "logValue"].some((key) => this.model[key] !== model[key]);
    this.model = model;
    if (!isNews) return this.frame.redrawOver();
    this.data = readAxes(model);
    const names = this.data.columns.map(({ name }) => name);
    const known = this.order.filter((name) => names.includes(name));
    const added = names.filter((name) => !known.includes(name));
    this.order = known.length ? withAdded(known, added) : names;
    this.filter();
    this.frame.redraw();
    if (this.ranges.size) this.tell();
  }

  destroy() {
    this.frame.destroy();
  }

  draw(ctx) {
    const { frame, data, active, ranges } = this;
    this.axes = placeAxes(frame, data, this.order, this.flipped, this.moving);
    this.titles.place(this.axes.map((axis) => ({ ...axis, words: this.axisWords(axis), isBrushed: ranges.has(axis.name) })));
    const axes = this.axes;
    return (function* () {
      yield* paintLines(ctx, frame, data, axes, active, ranges.size > 0);
      for (const axis of axes) drawAxis(ctx, frame, axis);
      const metric = axes.find(({ name }) => name === "value");
      if (metric && data.best >= 0) drawKey(ctx, data, metric);
      if (data.best >= 0 && active[data.best]) drawTrial(ctx, frame, data, axes, data.best, 2.4);
      for (const axis of axes) if (ranges.has(axis.name)) drawBrush(ctx, frame, axis, ranges.get(axis.name));
    })();
  }

  over(ctx) {
    if (!this.axes.length) return;
    const { frame, data, axes, model, active } = this;
    drawRunning(ctx, frame, data, axes, active);
    const rows = rowsByNumber(model.trials);
    for (const trial of [...(model.selected ?? [])].slice(0, 200)) if (rows.has(trial)) drawTrial(ctx, frame, data, axes, rows.get(trial), 1.8);
    const hovered = rows.get(model.hovered) ?? -1;
    if (hovered >= 0 && hovered !== this.at) drawTrial(ctx, frame, data, axes, hovered, 2.6);
    if (this.at !== null) drawTrial(ctx, frame, data, axes, this.at, 3);
  }

  axisWords(axis) {
    const range = this.ranges.get(axis.name);
    return `Axis ${axis.title}${axis.isFlipped ? ", turned" : ""}, ${range ? `only ${rangeText(axis, range)}` : "no range"}. Up and down set a range, left and right move the axis.`;
  }

  /** Which rows pass all the ranges; says so in the aria-label. */
  filter() {
    const { sweep, trials } = this.model;
    const kept = [...this.ranges].map(([name, range]) => [this.data.columns.find((column) => column.name === name), range]);
    for (const [column] of kept) if (!column) return this.clear();
    this.active = Uint8Array.from(trials.number, (_, row) => (kept.every(([column, range]) => passes(range, column.values[row])) ? 1 : 0));
    const left = this.active.reduce((sum, is) => sum + is, 0);
    const best = this.data.best < 0 ? "" : ` The best, ${formatNumber(trials.value[this.data.best])}, is trial ${trials.number[this.data.best]}.`;
    const count = this.ranges.size ? `${left} of ${trials.number.length}` : `${trials.number.length}`;
    this.frame.describe(`Parallel coordinates of ${count} trials over ${this.order.length} axes, coloured by ${metricTitle(sweep)}.${best} Up and down go from trial to trial.`);
    return left;
  }

  /** Emits "brush" when the trials that are left are others than those last told. */
  tell() {
    const { number } = this.model.trials;
    const trials = this.ranges.size ? number.filter((_, row) => this.active[row]) : null;
    const text = trials ? trials.join() : "all";
    if (text === (this.told ?? "all")) return;
    this.told = text;
    this.toldAt = performance.now();
    this.emit("brush", { trials });
  }

  setRange(name, range, isFinal = true) {
    if (range) this.ranges.set(name, range);
    else this.ranges.delete(name);
    const left = this.filter();
    this.frame.redraw();
    if (isFinal || performance.now() - (this.toldAt ?? 0) > TELL_MS) this.tell();
    return left;
  }

  clear() {
    this.ranges.clear();
    this.filter();
    this.frame.redraw();
    this.tell();
  }

  axisAt({ x, y }) {
    const near = this.axes.filter((axis) => Math.abs(axis.x - x) <= Math.min(GRAB_PX, this.axes[0].gap / 3) && y >= axis.top - 8 && y <= axis.end + 8);
    return near.sort((a, b) => Math.abs(a.x - x) - Math.abs(b.x - x))[0] ?? null;
  }

  /** Takes a range by an end or as a whole, or begins a new one. */
  grab(point) {
    const axis = this.axisAt(point);
    if (!axis) return false;
    const range = this.ranges.get(axis.name);
    const [top, bottom] = range ? pixelsOf(axis, range) : [NaN, NaN];
    const held = Math.abs(point.y - top) <= EDGE_PX ? "top" : Math.abs(point.y - bottom) <= EDGE_PX ? "bottom" : point.y > top && point.y < bottom ? "all" : "new";
    this.held = { axis, held, top, bottom };
    this.go(null);
    return true;
  }

  pull(point, start) {
    const { axis, held, top, bottom } = this.held;
    const by = point.y - start.y;
    if (Math.abs(by) < 3 && !this.held.isMoved) return;
    this.held.isMoved = true;
    const within = (y) => Math.min(axis.end, Math.max(axis.top, y));
    const shift = held === "all" ? Math.max(axis.top - top, Math.min(axis.end - bottom, by)) : 0;
    const ends = { top: [within(top + by), bottom], bottom: [top, within(bottom + by)], all: [top + shift, bottom + shift], new: [within(start.y), within(point.y)] }[held];
    const range = rangeBetween(axis, ...ends);
    if (range) this.setRange(axis.name, range, false);
  }

  release() {
    const { axis, isMoved } = this.held;
    if (isMoved) this.tell();
    else if (this.ranges.has(axis.name)) this.setRange(axis.name, null);
    this.wasOnAxis = true;
    this.held = null;
  }

  click(point) {
    const wasOnAxis = this.wasOnAxis;
    this.wasOnAxis = false;
    if (wasOnAxis && this.axisAt(point)) return;
    const row = this.nearest(point);
    if (row !== null) this.emit("select", { trial: this.model.trials.number[row] });
    else if (this.ranges.size) this.clear();
  }

  flip(name) {
    if (!name) return;
    if (!this.flipped.delete(name)) this.flipped.add(name);
    this.go(null);
    this.frame.redraw();
  }

  dragTitle(name, x) {
    this.moving = { name, x };
    const now = this.order.indexOf(name);
    const { gap } = this.axes[0];
    const place = Math.min(this.order.length - 1, Math.max(0, Math.round((x - this.axes[0].left) / gap)));
    if (place !== now) this.order.splice(place, 0, ...this.order.splice(now, 1));
    this.frame.redraw();
  }

  dropTitle() {
    this.moving = null;
    this.frame.redraw();
  }

  titleKey(name, { key, shiftKey }) {
    const axis = this.axes.find((candidate) => candidate.name === name);
    const part = (axis.bottom - axis.top) / 40;
    const { kind, step: level, domain, map } = axis.scale;
    const unit = axis.column.kind === "integer" && kind === "number" ? Math.abs(map(domain[0] + 1) - map(domain[0])) : level;
    const step = Math.max(part, unit);
    const along = { ArrowUp: -1, ArrowDown: 1 }[key];
    const aside = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (along) {
      const range = shifted(axis, this.ranges.get(name), shiftKey ? 0 : along * step, shiftKey ? -along * step : 0);
      const left = range ? this.setRange(name, range) : 0;
      if (range) this.frame.say(`${axis.title}: ${rangeText(axis, range)}; ${left} trials left`);
    } else if (aside) {
      const now = this.order.indexOf(name);
      const place = Math.min(this.order.length - 1, Math.max(0, now + aside));
      this.order.splice(place, 0, ...this.order.splice(now, 1));
      this.frame.say(`${axis.title} is axis ${place + 1} of ${this.order.length}`);
      this.frame.redraw();
    } else if (key === "Enter" || key === " ") this.flip(name);
    else if (key === "Escape" || key === "Delete") this.setRange(name, null);
    else return false;
    return true;
  }

  /** The row whose line passes nearest to a point, among those that pass the ranges; null when none is near. */
  nearest({ x, y }) {
    const place = this.axes.findIndex((axis, at) => at > 0 && x <= axis.x);
    if (place < 1 || x < this.axes[0].x - 4 || y < this.axes[0].top - 8) return null;
    const [from, to] = [this.axes[place - 1], this.axes[place]];
    const share = (x - from.x) / (to.x - from.x);
    const slack = 1 / (to.x - from.x);
    let best = null;
    let least = REACH_PX;
    for (const row of this.data.shown) {
      if (!this.active[row]) continue;
      const rise = to.ys[row] - from.ys[row];
      // Across a steep line the distance is less than the one straight up or down.
      const distance = Math.abs(from.ys[row] + share * rise - y) / Math.hypot(1, rise * slack);
      if (distance < least) [best, least] = [row, distance];
    }
    return best;
  }

  go(row, point = null, isSaid = false) {
    if (row === this.at) return;
    this.at = row;
    const { trials } = this.model ?? {};
    this.emit("hover", { trial: row === null ? null : trials.number[row] });
    this.frame.redrawOver();
    if (row === null) return this.frame.hideTip();
    const title = `Trial ${trials.number[row]}${row === this.data.best ? ", the best" : ""}`;
    const rows = describe(this.model, row, 12);
    const last = this.axes.at(-1);
    this.frame.showTip(point?.x ?? last.x - 20, point?.y ?? last.ys[row], title, rows);
    if (isSaid) this.frame.say([title, ...rows.map((pair) => pair.join(" "))].join(", "));
  }

  key({ key }) {
    const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[key];
    if (by && this.axes.length) {
      const order = this.data.ranked.filter((row) => this.active[row]);
      const now = order.indexOf(this.at);
      if (order.length) this.go(order[now < 0 ? 0 : Math.min(order.length - 1, Math.max(0, now + by))], null, true);
    } else if (key === "Enter" && this.at !== null) this.emit("select", { trial: this.model.trials.number[this.at] });
    else if (key === "Escape" && (this.at !== null || this.ranges.size)) this.at !== null ? this.go(null) : this.clear();
    else return false;
    return true;
  }
}

/** New parameters come before the metric, wherever that stands. */
function withAdded(known, added) {
  const place = known.indexOf("value");
  return place < 0 ? [...known, ...added] : [...known.slice(0, place), ...added, ...known.slice(place)];
}
