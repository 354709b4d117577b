/** Trials as dots in a box over any three columns, coloured by a fourth; to be turned. */
import { MarkChart } from "studio/charts/chart.js";
import { bestRow, calmDomain, columnOf, describe, extentOf, formatIn, rowsByNumber, signOf, stateOf } from "studio/charts/columns.js";
import { Camera, Cloud, Sprites } from "studio/charts/cloud.js";
import { drawAlive, drawCross, drawDot, drawStar, fitText, jitter, kindOf, makeScale } from "studio/charts/frame.js";
import { drawRamp, makeRamp } from "studio/charts/ramp.js";
import { drawWords } from "studio/charts/shapes.js";
import { counted } from "studio/lib/formats.js";

const AXES = ["x", "y", "z"];
const OUTSIDE = -1.16;
const TURN = 0.1;
const TURNS = { ArrowLeft: [-TURN, 0], ArrowRight: [TURN, 0], ArrowUp: [0, TURN], ArrowDown: [0, -TURN] };
const STEPS = { PageDown: "ArrowRight", PageUp: "ArrowLeft" };

/** Model: {sweep, trials, selected, hovered, x, y, z, color: names of columns.js}. The wheel zooms, two fingers too. */
export class Scatter3D extends MarkChart {
  static NEWS = ["trials", "sweep", "x", "y", "z", "color"];

  constructor(root, emit) {
    super(root, emit, new Cloud([]));
    this.camera = new Camera();
    this.pointers = new Map();
    root.classList.add("chart-turns");
  }

  handlers() {
    return {
      ...super.handlers(),
      dragStart: (point) => this.grasp(point),
      drag: (point) => this.drag(point),
      dragEnd: () => this.pointers.clear(),
      doubleClick: () => this.look(() => this.camera.reset()),
      wheel: ({ event }) => this.look(() => this.camera.closer(1.0015 ** -Math.max(-300, Math.min(300, event.deltaY)))),
      key: (event) => this.key(event),
    };
  }

  read() {
    const { model } = this;
    this.columns = Object.fromEntries([...AXES, "color"].map((which) => [which, columnOf(model, model[which] ?? "value")]));
    this.best = bestRow(model);
    this.scales = Object.fromEntries(AXES.map((which) => [which, this.scaleOf(this.columns[which])]));
    this.sprites = null;
    this.fill();
  }

  destroy() {
    this.frame.root.classList.remove("chart-turns");
    super.destroy();
  }

  words(trial) {
    const row = rowsByNumber(this.model.trials).get(trial);
    const own = AXES.map((which) => this.columns[which]).map((column) => [column.title, formatIn(column, column.values[row])]);
    const isShown = AXES.some((which) => this.columns[which].name === "value");
    const names = new Set([...own.map(([name]) => name), isShown ? this.model.sweep.metric : null]);
    const more = describe(this.model, row).filter(([name]) => !names.has(name));
    return { title: `Trial ${trial}${row === this.best ? ", the best" : ""}`, rows: [...own, ...more] };
  }

  summary() {
    const { x, y, z, color } = this.columns;
    return (
      `${counted(this.cloud.points.length, "trial")} in a box of ${x.title}, ${y.title} and ${z.title}, coloured by ${color.title}. ` +
      "Arrow keys turn it, plus and minus zoom, page up and page down go from trial to trial."
    );
  }

  scaleOf(column) {
    const kind = kindOf(column);
    let domain = column.name === "value" ? calmDomain(column.values, signOf(this.model.sweep)) : column.domain;
    if (kind === "log") domain = extentOf(column.values.filter((value) => value > 0), domain);
    return makeScale({ kind, domain, levels: column.levels, isInteger: column.kind === "integer", range: [-1, 1] });
  }

  /** The points in the box. What an axis has no value for lies outside of its low end; without the metric there is no place. */
  fill() {
    const { trials } = this.model;
    const at = (which, row, salt) => {
      const [scale, column] = [this.scales[which], this.columns[which]];
      const place = scale.map(column.values[row]);
      if (Number.isNaN(place)) return column.name === "value" ? NaN : OUTSIDE;
      if (scale.kind === "category") return place + jitter(trials.number[row], salt) * Math.min(0.34, scale.step * 0.5);
      return Math.min(1, Math.max(-1, place));
    };
    const points = [];
    this.running = [];
    for (let row = 0; row < trials.number.length; row++) {
      const [x, y, z] = [at("x", row, 0), at("y", row, 1), at("z", row, 2)];
      if (!Number.isFinite(x + y + z)) continue;
      points.push({ trial: trials.number[row], row, x, y, z, look: 0 });
      if (stateOf(trials, row) === "running") this.running.push(trials.number[row]);
    }
    this.missing = trials.number.length - points.length;
    this.cursor.marks = this.cloud = new Cloud(points);
  }

  /** The looks of the dots, made anew with the theme: each shade plain and dim, a cross, nothing (for those drawn in `over`). */
  paint() {
    const { frame, columns } = this;
    const { colors } = frame;
    const { trials } = this.model;
    const ramp = makeRamp(columns.color, this.model.sweep, frame);
    const shades = [...ramp.colors, colors.muted];
    const many = this.cloud.points.length;
    const radius = many > 3000 ? 2.4 : many > 400 ? 3.4 : 4.6;
    const disc = (color, alpha) => (ctx, x, y, size) => {
      ctx.globalAlpha = alpha;
      drawDot(ctx, x, y, size + (many > 3000 ? 0.45 : 0.8), colors.surface);
      drawDot(ctx, x, y, size, color);
    };
    const looks = [
      ...shades.map((color) => disc(color, 0.95)),
      ...shades.map((color) => disc(color, 0.38)),
      (ctx, x, y, size) => drawCross(ctx, x, y, size, colors.bad),
      () => {},
    ];
    for (const point of this.cloud.points) {
      const state = stateOf(trials, point.row);
      const bucket = ramp.bucket(columns.color.values[point.row]);
      const shade = bucket < 0 ? shades.length - 1 : bucket;
      point.look = state === "running" ? looks.length - 1 : state === "failed" ? looks.length - 2 : shade + (state === "stopped" ? shades.length : 0);
    }
    this.ramp = ramp;
    this.painted = [colors.surface, colors.ink, frame.ratio].join();
    this.sprites = new Sprites(looks, radius, frame.ratio);
  }

  draw(ctx) {
    const { frame, camera, cloud } = this;
    if (!cloud.points.length) return drawWords(ctx, frame, "No trial has all three of these yet.");
    if (!this.sprites || this.painted !== [frame.colors.surface, frame.colors.ink, frame.ratio].join()) this.paint();
    camera.fit({ left: 34, top: 52, right: frame.width - 34, bottom: frame.height - 34 });
    this.drawBox(ctx);
    cloud.project(camera);
    cloud.draw(ctx, this.sprites, frame.width, frame.height);
    const best = cloud.find(this.model.trials.number[this.best]);
    if (best) drawStar(ctx, best.x, best.y, 8, frame.colors.good, frame.colors.surface);
    drawRamp(ctx, frame, this.ramp, frame.width - 8, 12, frame.width - 16);
    if (this.missing) this.drawMissing(ctx);
    this.cursor.refresh();
  }

  drawMissing(ctx) {
    ctx.font = this.frame.font(11);
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
    ctx.fillStyle = this.frame.colors.muted;
    ctx.fillText(fitText(ctx, `${this.missing} without a place here`, this.frame.width - 8), 4, this.frame.height - 3);
  }

  /** The three walls behind the dots with their gridlines, and each axis at an edge that no dot can hide. */
  drawBox(ctx) {
    const { camera, frame } = this;
    const wall = AXES.map((_, axis) => {
      const depth = [-1, 1].map((side) => camera.project(...AXES.map((__, other) => (other === axis ? side : 0)))[2]);
      return depth[1] > depth[0] ? 1 : -1;
    });
    const corner = (sides) => camera.project(...sides);
    ctx.lineWidth = 1;
    ctx.strokeStyle = frame.colors.grid;
    ctx.beginPath();
    for (const [axis, which] of AXES.entries()) {
      for (const { at } of this.ticks(which)) {
        const place = this.scales[which].map(at);
        for (const other of [0, 1, 2].filter((one) => one !== axis)) {
          const third = 3 - axis - other;
          const ends = [-1, 1].map((side) => {
            const sides = [0, 0, 0];
            sides[axis] = place;
            sides[other] = side;
            sides[third] = wall[third];
            return corner(sides);
          });
          ctx.moveTo(ends[0][0], ends[0][1]);
          ctx.lineTo(ends[1][0], ends[1][1]);
        }
      }
    }
    ctx.stroke();
    ctx.globalAlpha = 0.55;
    ctx.strokeStyle = frame.colors.muted;
    ctx.beginPath();
    for (const axis of [0, 1, 2]) {
      for (const sides of this.edgesOf(axis)) {
        if (![0, 1, 2].some((other) => other !== axis && sides[other] === wall[other])) continue;
        const ends = [-1, 1].map((side) => corner(sides.with(axis, side)));
        ctx.moveTo(ends[0][0], ends[0][1]);
        ctx.lineTo(ends[1][0], ends[1][1]);
      }
    }
    ctx.stroke();
    ctx.globalAlpha = 1;
    for (const axis of [0, 1, 2]) this.drawAxis(ctx, axis, this.edgeFor(axis, wall));
  }

  edgesOf(axis) {
    const [one, two] = [0, 1, 2].filter((other) => other !== axis);
    return [[-1, -1], [-1, 1], [1, -1], [1, 1]].map(([a, b]) => {
      const sides = [0, 0, 0];
      sides[one] = a;
      sides[two] = b;
      return sides;
    });
  }

  /** Of the edges between a wall and the open side: x and y take the lowest on the screen, z the leftmost. */
  edgeFor(axis, wall) {
    const others = [0, 1, 2].filter((other) => other !== axis);
    const edges = this.edgesOf(axis).filter((sides) => others.filter((other) => sides[other] === wall[other]).length === 1);
    const cost = (sides) => {
      const [x, y] = this.camera.project(...sides);
      return axis === 2 ? x : -y;
    };
    return edges.reduce((best, sides) => (cost(sides) < cost(best) ? sides : best));
  }

  ticks(which) {
    const ticks = this.scales[which].ticks(this.frame.width < 520 ? 0.7 : 0.45);
    const each = Math.ceil(ticks.length / 8);
    return ticks.filter((_, place) => place % each === 0);
  }

  drawAxis(ctx, axis, sides) {
    const { camera, frame, columns } = this;
    const which = AXES[axis];
    const [middleX, middleY] = camera.project(...sides.with(axis, 0));
    const [outX, outY] = this.outward(axis, sides);
    const align = Math.abs(outX) < 0.35 ? "center" : outX < 0 ? "right" : "left";
    ctx.textBaseline = "middle";
    ctx.font = frame.font(11);
    ctx.fillStyle = frame.colors.muted;
    let widest = 0;
    let last = null;
    const hasMissing = columns[which].name !== "value" && columns[which].values.some(Number.isNaN);
    const missing = hasMissing ? [{ place: OUTSIDE, text: "not set" }] : [];
    for (const { place, text } of [...missing, ...this.ticks(which).map((tick) => ({ ...tick, place: this.scales[which].map(tick.at) }))]) {
      const [px, py] = camera.project(...sides.with(axis, place));
      if (last && Math.hypot(px - last[0], (py - last[1]) * 1.6) < (axis === 2 ? 18 : 26)) continue;
      last = [px, py];
      const shown = fitText(ctx, text, 74);
      widest = Math.max(widest, ctx.measureText(shown).width);
      this.write(ctx, shown, px + outX * 8, py + outY * 12, align);
    }
    ctx.font = frame.font(12, "600");
    ctx.fillStyle = frame.colors.ink;
    if (axis === 2) {
      const [px] = camera.project(...sides.with(axis, 1));
      const above = Math.min(...this.edgesOf(2).map((corner) => camera.project(...corner.with(2, 1))[1]));
      return this.write(ctx, fitText(ctx, columns[which].title, Math.min(300, frame.width * 0.8)), px, above - 14, "center");
    }
    const title = fitText(ctx, columns[which].title, Math.min(240, frame.width * 0.45));
    const gap = 26 + Math.max(8, widest * Math.abs(outX));
    this.write(ctx, title, middleX + outX * gap, middleY + outY * gap, align);
  }

  /** The direction on the screen that is square to an edge and leads away from the box. */
  outward(axis, sides) {
    const [from, to] = [-1, 1].map((side) => this.camera.project(...sides.with(axis, side)));
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
    const [x, y] = [(from[1] - to[1]) / length, (to[0] - from[0]) / length];
    const isInward = x * ((from[0] + to[0]) / 2 - this.camera.centerX) + y * ((from[1] + to[1]) / 2 - this.camera.centerY) < 0;
    return isInward ? [-x, -y] : [x, y];
  }

  /** Text at a place, moved to stay in the picture. */
  write(ctx, text, x, y, align) {
    const width = ctx.measureText(text).width;
    const left = align === "center" ? x - width / 2 : align === "right" ? x - width : x;
    ctx.textAlign = "left";
    ctx.fillText(text, Math.min(this.frame.width - width - 3, Math.max(3, left)), Math.min(this.frame.height - 8, Math.max(28, y)));
  }

  over(ctx) {
    drawAlive(ctx, this.frame, this.running.map((trial) => this.cloud.find(trial)).map(({ x, y }) => [x, y]));
    this.cursor.drawRings(ctx, this.model);
  }

  look(change) {
    change();
    this.frame.redraw();
    return true;
  }

  grasp(point) {
    this.pointers.set(point.event.pointerId, point);
    return true;
  }

  /** One pointer turns the box, two zoom it. */
  drag(point) {
    const { pointerId } = point.event;
    const before = this.pointers.get(pointerId);
    this.pointers.set(pointerId, point);
    if (!before) return;
    this.cursor.go(null);
    const other = [...this.pointers].find(([id]) => id !== pointerId)?.[1];
    if (!other) return this.look(() => this.camera.turn((point.x - before.x) * 0.008, (point.y - before.y) * 0.008));
    const [now, then] = [point, before].map(({ x, y }) => Math.hypot(x - other.x, y - other.y));
    this.look(() => this.camera.closer(now / Math.max(1, then)));
  }

  key(event) {
    if (event.key in TURNS) return this.look(() => this.camera.turn(...TURNS[event.key]));
    if (event.key === "+" || event.key === "=") return this.look(() => this.camera.closer(1.15));
    if (event.key === "-") return this.look(() => this.camera.closer(1 / 1.15));
    if (event.key === "0") return this.look(() => this.camera.reset());
    return this.cursor.key({ key: STEPS[event.key] ?? event.key });
  }
}
