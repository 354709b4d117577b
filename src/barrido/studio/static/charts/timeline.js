/** When each trial ran and on which slot, when it waited, and how it ended. */
import { interpolateRgb } from "d3";
import { MarkChart } from "studio/charts/chart.js";
import { describe, formatDuration, rowsByNumber } from "studio/charts/columns.js";
import { fitText, makeScale, pickedTrials } from "studio/charts/frame.js";
import { readLanes } from "studio/charts/lanes.js";
import { drawKey, drawWords, hatching } from "studio/charts/shapes.js";
import { counted } from "studio/lib/formats.js";

/** How a span ended; `weight` is how strong its colour is, `pull` how much a second of it counts among spans that share a pixel. */
const ENDS = {
  completed: { word: "completed", color: ({ good }) => good, weight: 0.42, pull: 1 },
  paused: { word: "paused", color: ({ c }) => c[9], weight: 0.36, pull: 1 },
  pruned: { word: "stopped early", color: ({ c }) => c[4], weight: 0.72, pull: 1 },
  canceled: { word: "canceled", color: ({ warn }) => warn, weight: 0.8, pull: 1.5 },
  failed: { word: "failed", color: ({ bad }) => bad, weight: 0.9, pull: 3 },
  running: { word: "running", color: ({ accent }) => accent, weight: 0.9, pull: 3 },
};
const TOP = 24;
const KEY_LINE = 18;
const BOTTOM = 40;
const LEAST_SPAN_S = 0.05;

/**
 * Model: {sweep, trials, selected, hovered, timeline, now: seconds since the epoch of a picture that stands still, or undefined}.
 * Dragging shows the part dragged over, the wheel with Ctrl and the keys + and - zoom, a double click, 0 and Escape show all.
 */
export class Timeline extends MarkChart {
  static NEWS = ["trials", "sweep", "timeline", "now"];

  constructor(root, emit) {
    super(root, (name, { trial: id }) => emit(name, { trial: this.lanes.byId.get(id)?.trial ?? null }));
    this.view = null;
  }

  handlers() {
    return {
      ...super.handlers(),
      dragStart: ({ x, y }) => x >= this.left && y >= this.top - 16,
      drag: (point, start) => this.stretch(start.x, point.x),
      dragEnd: () => this.release(),
      doubleClick: () => this.show(null),
      wheel: (point) => this.wheel(point),
      key: (event) => this.key(event),
    };
  }

  read(before) {
    const { model } = this;
    if (before?.timeline === model.timeline && before?.now === model.now) return;
    this.cursor.marks = this.lanes = readLanes(model.timeline, this.now());
  }

  destroy() {
    clearTimeout(this.clock);
    super.destroy();
  }

  /** Seconds since the epoch at which open bars end: only a sweep that runs goes on with the clock. */
  now() {
    const { timeline, sweep, now } = this.model;
    if (now) return now;
    if (sweep.is_running && timeline.end === null) return Date.now() / 1000;
    return timeline.end ?? timeline.bars.to.reduce((last, to, place) => Math.max(last, to ?? timeline.bars.from[place]), timeline.start);
  }

  words(id) {
    const bar = this.lanes.byId.get(id);
    const { sweep, trials, timeline } = this.model;
    const row = rowsByNumber(trials).get(bar.trial);
    const started = new Date((timeline.start + bar.from) * 1000).toLocaleTimeString();
    const ending = bar.isOpen ? "now" : clock(bar.to);
    const rows = [
      [bar.kind === "wait" ? "waited" : "ran", `${clock(bar.from)} – ${ending}`],
      ["for", formatDuration(bar.to - bar.from)],
      ["began at", started],
    ];
    if (bar.kind !== "wait") rows.push(["slot", String(bar.slot ?? "–")], ["then", endOf(bar).word]);
    if (row !== undefined && sweep.metric) rows.push(describe(this.model, row, 0)[0]);
    return { title: `Trial ${bar.trial}`, rows };
  }

  summary() {
    const { bars } = this.model.timeline;
    if (!bars.trial.length) return "Timeline: no trial has started yet.";
    const [slots, waits] = [this.lanes.slots.length, this.lanes.waits.length];
    return (
      `Timeline of ${counted(new Set(bars.trial).size, "trial")} on ${counted(slots, "slot")} over ${formatDuration(this.lanes.last)}` +
      `${waits ? `, up to ${waits} waiting at once` : ""}. Arrow keys go from bar to bar, plus and minus zoom, 0 shows all.`
    );
  }

  /** The seconds that are shown: all, or the part that was zoomed to. */
  span() {
    return this.view ?? [0, Math.max(this.lanes.last, LEAST_SPAN_S)];
  }

  place() {
    const { frame, lanes } = this;
    const { ctx } = frame;
    ctx.font = frame.font();
    const labels = [...lanes.slots.map(({ slot }) => `slot ${slot}`), ...(lanes.waits.length ? ["waiting"] : [])];
    this.left = Math.ceil(Math.max(...labels.map((text) => ctx.measureText(text).width))) + 16;
    this.right = Math.max(this.left + 40, frame.width - 14);
    this.x = makeScale({ kind: "duration", domain: this.span(), range: [this.left, this.right] });
    this.top = TOP + KEY_LINE * this.drawLegend(ctx);
    lanes.place(this.x, this.top, Math.max(this.top + 30, frame.height - BOTTOM));
  }

  draw(ctx) {
    clearTimeout(this.clock);
    const { frame, lanes, model } = this;
    if (!model.timeline.bars.trial.length) return drawWords(ctx, frame, "No trial has started yet.");
    if (lanes.bars.some(({ isOpen }) => isOpen)) {
      lanes.grow(this.now() - model.timeline.start);
      if (model.sweep.is_running && !model.now) this.clock = setTimeout(() => frame.redraw(), 1000);
    }
    this.shades = new Map(Object.values(ENDS).map((end) => [end, interpolateRgb(frame.colors.surface, end.color(frame.colors))(end.weight)]));
    this.place();
    this.drawAxis(ctx);
    this.drawLabels(ctx);
    ctx.save();
    ctx.beginPath();
    ctx.rect(this.left, 0, this.right - this.left, frame.height);
    ctx.clip();
    for (const lane of lanes.slots) this.drawLane(ctx, lane);
    ctx.fillStyle = hatching(ctx, frame.colors.muted);
    for (const lane of lanes.waits) this.drawWaits(ctx, lane);
    ctx.restore();
    if (this.view) this.drawPart(ctx);
    this.cursor.refresh();
  }

  drawAxis(ctx) {
    const { frame, x, lanes } = this;
    const { colors } = frame;
    const bottom = lanes.bottom + 6;
    ctx.font = frame.font();
    ctx.textAlign = "center";
    ctx.textBaseline = "top";
    let last = -Infinity;
    for (const { at } of x.ticks(84)) {
      const px = Math.round(x.map(at)) + 0.5;
      ctx.fillStyle = colors.grid;
      ctx.fillRect(px - 0.5, this.top - 4, 1, bottom - this.top + 4);
      const text = clock(at);
      const half = ctx.measureText(text).width / 2;
      const middle = Math.min(px, frame.width - half - 2);
      if (middle - half < last + 10) continue;
      last = middle + half;
      ctx.fillStyle = colors.muted;
      ctx.fillText(text, middle, bottom + 6);
    }
    ctx.fillStyle = colors.muted;
    ctx.fillRect(this.left, bottom, this.right - this.left, 1);
  }

  drawLabels(ctx) {
    const { frame, lanes, left } = this;
    ctx.font = frame.font();
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    ctx.fillStyle = frame.colors.muted;
    let last = -Infinity;
    for (const { slot, top, height } of lanes.slots) {
      const y = top + height / 2;
      if (y - last < 13) continue;
      last = y;
      ctx.fillText(`slot ${slot}`, left - 8, y);
    }
    if (lanes.waits.length) ctx.fillText("waiting", left - 8, Math.max(last + 13, (lanes.waitTop + lanes.bottom) / 2));
  }

  /** Gives how many lines it took. */
  drawLegend(ctx) {
    const { frame, lanes } = this;
    const seen = new Set(lanes.bars.filter(({ kind }) => kind !== "wait").map(endOf));
    const items = Object.values(ENDS).filter((end) => seen.has(end)).map((end) => ({ text: end.word, sign: swatch(this.shades.get(end)) }));
    if (lanes.waits.length) items.push({ text: "waiting", sign: swatch(hatching(ctx, frame.colors.muted)) });
    return drawKey(ctx, frame, items, 4, 12, frame.width - 8, 2);
  }

  drawLane(ctx, { bars, top, height }) {
    const { x, frame } = this;
    const { colors } = frame;
    const [from, to] = this.span();
    const inset = height > 14 ? 2 : height > 5 ? 1 : 0;
    const [y, thick] = [top + inset, Math.max(1, height - 2 * inset)];
    const hasText = thick >= 13;
    const speck = { px: -1, pulls: new Map() };
    const flush = () => {
      if (speck.pulls.size) this.fill(ctx, strongest(speck.pulls), speck.px, y, 1, thick);
      speck.pulls.clear();
    };
    ctx.font = frame.font(Math.min(11.5, thick * 0.62));
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    for (const bar of bars) {
      if (bar.to < from || bar.from > to) continue;
      const [left, right] = [x.map(bar.from), x.map(bar.to)];
      const end = endOf(bar);
      const color = this.shades.get(end);
      if (right - left < 1) {
        const px = Math.floor(left);
        if (px !== speck.px) flush();
        speck.px = px;
        speck.pulls.set(color, (speck.pulls.get(color) ?? 0) + end.pull * (bar.to - bar.from));
        continue;
      }
      flush();
      this.fill(ctx, color, left, y, Math.max(1, right - left - (right - left > 4 ? 1 : 0)), thick);
      const begin = Math.max(left, this.left);
      if (!hasText || right - begin < 16) continue;
      const text = String(bar.trial);
      if (ctx.measureText(text).width > Math.min(right, this.right) - begin - 9) continue;
      ctx.fillStyle = end.weight > 0.6 ? colors.surface : colors.ink;
      ctx.fillText(text, begin + 5, y + thick / 2 + 0.5);
    }
    flush();
  }

  fill(ctx, color, left, top, width, height) {
    ctx.fillStyle = color;
    if (width < 6 || height < 8) return ctx.fillRect(left, top, width, height);
    ctx.beginPath();
    ctx.roundRect(left, top, width, height, 3);
    ctx.fill();
  }

  drawWaits(ctx, { bars, top, height }) {
    const [from, to] = this.span();
    let edge = -Infinity;
    for (const bar of bars) {
      if (bar.to < from || bar.from > to) continue;
      const left = Math.max(edge, this.x.map(bar.from));
      const right = Math.max(left + 0.5, this.x.map(bar.to));
      if (right <= edge + 0.5) continue;
      edge = right;
      ctx.fillRect(left, top, Math.max(0.5, right - left - (right - left > 4 ? 1 : 0)), Math.max(0.7, height - (height > 3 ? 1.5 : 0.3)));
    }
  }

  /** While a part is shown: which, as a piece of a thin line above, and how to get out. */
  drawPart(ctx) {
    const { frame, left, right, top, lanes } = this;
    const whole = makeScale({ kind: "number", domain: [0, Math.max(lanes.last, LEAST_SPAN_S)], range: [left, right] });
    const [from, to] = this.view.map((at) => Math.min(right, Math.max(left, whole.map(at))));
    ctx.fillStyle = frame.colors.grid;
    ctx.fillRect(left, top - 12, right - left, 3);
    ctx.fillStyle = frame.colors.accent;
    ctx.fillRect(from, top - 12, Math.max(3, to - from), 3);
    ctx.font = frame.font(11);
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    ctx.fillStyle = frame.colors.muted;
    ctx.fillText(fitText(ctx, "double click or 0: all", right - left), right, frame.height - 2);
  }

  over(ctx) {
    if (!this.x || !this.lanes.x) return;
    const { lanes, x, left, right, frame } = this;
    const { colors } = frame;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left - 2, 0, right - left + 4, frame.height);
    ctx.clip();
    const picked = pickedTrials(this.model, lanes.byId.get(this.cursor.at)?.trial);
    for (const bar of picked.size ? lanes.bars : []) {
      if (!picked.has(bar.trial)) continue;
      const { top, height } = lanes.all[bar.lane];
      ctx.strokeStyle = colors.ink;
      ctx.lineWidth = bar.id === this.cursor.at ? 2.5 : 1.5;
      ctx.strokeRect(x.map(bar.from) - 0.5, top + 0.5, Math.max(2, x.map(bar.to) - x.map(bar.from)), Math.max(2, height - 1));
    }
    if (this.rect) {
      const [from, to] = this.rect;
      ctx.fillStyle = colors.accent;
      ctx.globalAlpha = 0.14;
      ctx.fillRect(from, this.top - 4, to - from, lanes.bottom - this.top + 10);
    }
    ctx.restore();
  }

  stretch(from, to) {
    if (Math.abs(to - from) < 4) return;
    this.cursor.go(null);
    this.rect = [Math.max(this.left, Math.min(from, to)), Math.min(this.right, Math.max(from, to))];
    this.frame.redrawOver();
  }

  release() {
    if (!this.rect) return;
    const part = this.rect.map((px) => this.x.invert(px));
    this.rect = null;
    this.show(part);
  }

  /** Shows the seconds `part`, or everything (null). */
  show(part) {
    if (!this.lanes) return;
    const end = Math.max(this.lanes.last, LEAST_SPAN_S);
    if (part) {
      const length = Math.max(LEAST_SPAN_S, part[1] - part[0]);
      const from = Math.min(Math.max(0, part[0]), Math.max(0, end - length));
      part = length >= end ? null : [from, from + length];
    }
    this.view = part;
    this.frame.redraw();
  }

  zoom(factor, around) {
    const [from, to] = this.span();
    this.show([around - (around - from) * factor, around + (to - around) * factor]);
  }

  wheel({ x, event }) {
    if (!this.x) return false;
    if (event.ctrlKey || event.metaKey) {
      this.zoom(1.0025 ** Math.max(-200, Math.min(200, event.deltaY)), this.x.invert(x));
      return true;
    }
    if (!this.view || Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return false;
    const shift = this.x.invert(x + event.deltaX) - this.x.invert(x);
    this.show(this.view.map((at) => at + shift));
    return true;
  }

  key(event) {
    if (!this.lanes) return false;
    const { at } = this.cursor;
    const [from, to] = this.span();
    const middle = this.lanes.byId.get(at)?.from ?? (from + to) / 2;
    if (event.key === "+" || event.key === "=") this.zoom(0.6, Math.min(to, Math.max(from, middle)));
    else if (event.key === "-") this.zoom(1 / 0.6, Math.min(to, Math.max(from, middle)));
    else if (event.key === "0" || (event.key === "Escape" && at === null && this.view)) this.show(null);
    else {
      if (!this.cursor.key(event)) return false;
      this.follow();
    }
    return true;
  }

  /** Brings the bar that the keyboard reached into the part that is shown. */
  follow() {
    const bar = this.lanes.byId.get(this.cursor.at);
    if (!bar || !this.view || (bar.to > this.view[0] && bar.from < this.view[1])) return;
    const half = (this.view[1] - this.view[0]) / 2;
    this.show([bar.from - half, bar.from + half]);
  }
}

function endOf({ isOpen, end }) {
  return isOpen ? ENDS.running : ENDS[end] ?? ENDS.paused;
}

/** The colour that has the most pull. */
function strongest(pulls) {
  return [...pulls].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

function swatch(fill) {
  return (ctx, x, y) => {
    ctx.fillStyle = fill;
    ctx.fillRect(x - 6, y - 5, 11, 10);
  };
}

/** Time since the start as on a stop watch: 0:00, 12:05, 3:00:00; with tenths and hundredths where there are some. */
function clock(seconds) {
  const hundredths = Math.round(seconds * 100);
  const two = (count) => String(count).padStart(2, "0");
  const [h, m, s, rest] = [Math.floor(hundredths / 360000), Math.floor(hundredths / 6000) % 60, Math.floor(hundredths / 100) % 60, hundredths % 100];
  const fine = rest && seconds < 60 ? `.${two(rest).replace(/0$/, "")}` : "";
  return `${h ? `${h}:${two(m)}` : m}:${two(s)}${fine}`;
}
