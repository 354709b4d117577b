/** Marks: finding the nearest, going through them by pointer and keyboard, and the shapes they have. */

/** Marks on a grid of square cells, so that the nearest of 10,000 is found by looking at a few. */
export class Marks {
  constructor(cell = 24) {
    this.cell = cell;
    this.clear();
  }

  clear() {
    this.cells = new Map();
    this.xs = [];
    this.ys = [];
    this.ids = [];
    this.places = new Map();
    this.orders = {};
  }

  get size() {
    return this.ids.length;
  }

  /** Adds a mark at (x, y) CSS pixels; `id` is what nearest() gives back. A place that is no number is left out. */
  add(x, y, id) {
    if (!(Number.isFinite(x) && Number.isFinite(y))) return;
    const key = this.key(Math.floor(x / this.cell), Math.floor(y / this.cell));
    const place = this.ids.push(id) - 1;
    this.places.set(id, place);
    this.orders = {};
    this.xs.push(x);
    this.ys.push(y);
    if (this.cells.has(key)) this.cells.get(key).push(place);
    else this.cells.set(key, [place]);
  }

  /** {id, x, y} of the mark nearest to (x, y) within `reach` pixels, the later of equals, or null. */
  nearest(x, y, reach = 24) {
    const [column, row, span] = [Math.floor(x / this.cell), Math.floor(y / this.cell), Math.ceil(reach / this.cell)];
    let best = -1;
    let least = reach;
    for (let i = column - span; i <= column + span; i++) {
      for (let j = row - span; j <= row + span; j++) {
        for (const place of this.cells.get(this.key(i, j)) ?? []) {
          const distance = Math.hypot(this.xs[place] - x, this.ys[place] - y);
          if (distance <= least) [best, least] = [place, distance];
        }
      }
    }
    return best < 0 ? null : { id: this.ids[best], x: this.xs[best], y: this.ys[best] };
  }

  key(column, row) {
    return column * 65536 + row;
  }

  /** Where the mark `id` lies: {id, x, y} or null. */
  find(id) {
    const place = this.places.get(id);
    return place === undefined ? null : { id, x: this.xs[place], y: this.ys[place] };
  }

  /** The mark `by` places from the mark `id` along "x" or "y", for the arrow keys; the first or the last when `id` has none. */
  step(id, by, along = "x") {
    if (!this.size) return null;
    const [first, second] = along === "x" ? [this.xs, this.ys] : [this.ys, this.xs];
    this.orders[along] ??= this.ids.map((_, place) => place).sort((a, b) => first[a] - first[b] || second[a] - second[b]);
    const order = this.orders[along];
    const now = order.indexOf(this.places.get(id) ?? -1);
    const next = now < 0 ? (by > 0 ? 0 : order.length - 1) : Math.min(order.length - 1, Math.max(0, now + by));
    const place = order[next];
    return { id: this.ids[place], x: this.xs[place], y: this.ys[place] };
  }
}

/**
 * Hover, click, arrow keys, Enter and Escape over marks: what a MarkChart (chart.js) does with them.
 *
 * `words(id)` gives {title, rows} for the tooltip of a mark. The chart's `draw` fills cursor.marks anew (clear, then
 * add(x, y, id)) and calls cursor.refresh() at its end; its `over` may call cursor.drawRings(ctx, model). Emits "hover"
 * {trial: id} when the mark changes and "select" on a click or Enter.
 */
export class Cursor {
  constructor(emit, words, marks = new Marks()) {
    this.emit = emit;
    this.words = words;
    this.marks = marks;
    this.at = null;
  }

  handlers() {
    return {
      move: (point) => this.go(point && this.marks.nearest(point.x, point.y)),
      click: (point) => {
        const mark = this.marks.nearest(point.x, point.y);
        if (mark) this.emit("select", { trial: mark.id });
      },
      key: (event) => this.key(event),
      blur: () => this.go(null),
    };
  }

  key({ key }) {
    const steps = { ArrowRight: [1, "x"], ArrowLeft: [-1, "x"], ArrowUp: [-1, "y"], ArrowDown: [1, "y"] };
    if (key in steps) this.go(this.marks.step(this.at, ...steps[key]), true);
    else if (key === "Home" || key === "End") this.go(this.marks.step(null, key === "Home" ? 1 : -1), true);
    else if (key === "Enter" && this.at !== null) this.emit("select", { trial: this.at });
    else if (key === "Escape" && this.at !== null) this.go(null);
    else return false;
    return true;
  }

  /** Goes to a mark {id, x, y}, or away from all of them (null). What the keyboard reaches is said aloud. */
  go(mark, isSaid = false) {
    const trial = mark?.id ?? null;
    if (trial === this.at) return;
    this.at = trial;
    this.show(mark, isSaid);
    this.emit("hover", { trial });
    this.frame.redrawOver();
  }

  show(mark, isSaid = false) {
    if (!mark) return this.frame.hideTip();
    const { title, rows } = this.words(mark.id);
    this.frame.showTip(mark.x, mark.y, title, rows);
    if (isSaid) this.frame.say([title, ...rows.map(([name, text]) => `${name} ${text}`)].join(", "));
  }

  /** For `over`: a ring around the selected, the hovered and the current trial. */
  drawRings(ctx, model) {
    const { colors } = this.frame;
    for (const trial of pickedTrials(model, this.at)) {
      const mark = this.marks.find(trial);
      if (mark) drawDot(ctx, mark.x, mark.y, trial === this.at ? 5.5 : 4.5, colors.accent, colors.ink);
    }
  }

  /** After the marks have moved: the tooltip follows its trial, or goes when its trial has gone. */
  refresh() {
    if (this.at !== null) this.show(this.marks.find(this.at));
  }
}

/** The trials to be brought out: those selected, the one hovered elsewhere, and `at`, the one here. */
export function pickedTrials({ selected, hovered }, at) {
  return new Set([...(selected ?? []), hovered, at].filter((trial) => trial !== null && trial !== undefined));
}

/** Running trials at [x, y], beating slowly; for `over`. */
export function drawAlive(ctx, frame, places) {
  if (!places.length) return;
  const phase = frame.pulse();
  for (const [x, y] of places) {
    ctx.globalAlpha = 0.35 * (1 - phase);
    drawDot(ctx, x, y, 4 + 6 * phase, frame.colors.accent);
    ctx.globalAlpha = 1;
    drawDot(ctx, x, y, 3.6, frame.colors.accent, frame.colors.surface);
  }
}

/** -0.5 to 0.5, always the same for a trial: marks of one category lie side by side and do not dance when news come. */
export function jitter(number, salt = 0) {
  let bits = Math.imul(number + 1 + salt * 7919, 2654435761);
  bits = Math.imul(bits ^ (bits >>> 15), 2246822519);
  return ((bits ^ (bits >>> 13)) >>> 0) / 4294967296 - 0.5;
}

/** A disc of `radius`, filled; give `halo` (a colour) for a ring around it. */
export function drawDot(ctx, x, y, radius, color, halo = null) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  if (halo) {
    ctx.strokeStyle = halo;
    ctx.lineWidth = 3;
    ctx.stroke();
  }
  ctx.fillStyle = color;
  ctx.fill();
}

/** The sign of a failed trial. */
export function drawCross(ctx, x, y, radius, color) {
  ctx.strokeStyle = color;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.moveTo(x - radius, y - radius);
  ctx.lineTo(x + radius, y + radius);
  ctx.moveTo(x - radius, y + radius);
  ctx.lineTo(x + radius, y - radius);
  ctx.stroke();
}

/** The sign of the best trial: a star with a halo in the colour of the surface, so that it shows on any mark. */
export function drawStar(ctx, x, y, radius, color, halo) {
  ctx.beginPath();
  for (let corner = 0; corner < 10; corner++) {
    const angle = (corner * Math.PI) / 5 - Math.PI / 2;
    const reach = corner % 2 ? radius * 0.45 : radius;
    ctx.lineTo(x + reach * Math.cos(angle), y + reach * Math.sin(angle));
  }
  ctx.closePath();
  ctx.lineWidth = 3;
  ctx.lineJoin = "round";
  ctx.strokeStyle = halo;
  ctx.stroke();
  ctx.fillStyle = color;
  ctx.fill();
}
