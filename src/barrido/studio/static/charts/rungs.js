/** How the brackets of a scheduler fill up: at each rung a cell a trial, the best first. */
import { MarkChart } from "studio/charts/chart.js";
import { describe, formatNumber, metricTitle, rowsByNumber, signOf, toNumber } from "studio/charts/columns.js";
import { drawCross, fitText, pickedTrials } from "studio/charts/frame.js";
import { drawRamp, makeRamp } from "studio/charts/ramp.js";
import { Boxes, askHeight, drawKey, drawWords } from "studio/charts/shapes.js";
import { counted } from "studio/lib/formats.js";

const PITCHES = [22, 20, 18, 16, 14, 12, 10, 9, 8, 7, 6, 5, 4, 3];
const LEGIBLE = 9;
const SMALLEST = 4;
const HEAD = 24;
const CAPTION = 17;
const BELOW = 11;
const BETWEEN = 26;
const LEAST_WIDTH = 136;
const STATES = { here: "compared here", going: "on its way here", promoted: "promoted", out: "out" };

/** Model: {sweep, trials, selected, hovered, rungs: {unit, brackets}}. Cells have the colour of the trial's value at that rung. */
export class Rungs extends MarkChart {
  static NEWS = ["trials", "sweep", "rungs"];

  constructor(root, emit) {
    super(root, (name, { trial: id }) => emit(name, { trial: this.cells.get(id)?.trial ?? null }), new Boxes());
  }

  read() {
    this.brackets = readBrackets(this.model);
    this.cells = new Map(this.brackets.flatMap(({ rungs }) => rungs.flatMap(({ cells }) => cells.map((cell) => [cell.id, cell]))));
  }

  destroy() {
    Object.assign(this.frame.root.style, { minHeight: "", maxHeight: "" });
    super.destroy();
  }

  words(id) {
    const { trial, value, state, rung, bracket, rank } = this.cells.get(id);
    const row = rowsByNumber(this.model.trials).get(trial);
    const rows = [
      [this.model.sweep.metric ?? "value", formatNumber(value)],
      ["at", `${this.amount(rung.resource)} of ${bracket}`],
      ["which is", Number.isNaN(toNumber(value)) ? STATES[state] : `${STATES[state]}, ${rank + 1} of ${rung.cells.filter((one) => one.value !== null).length}`],
    ];
    return { title: `Trial ${trial}`, rows: row === undefined ? rows : [...rows, ...describe(this.model, row, 6).slice(1)] };
  }

  /** 1 epoch, 3 epochs: the unit is told in the plural. */
  amount(resource) {
    const { unit } = this.model.rungs;
    return `${formatNumber(resource)}${unit ? ` ${resource === 1 ? unit.replace(/(ch|sh|x)es$|([^s])s$/, "$1$2") : unit}` : ""}`;
  }

  summary() {
    if (!this.brackets.length) return "No rungs: this sweep has no scheduler that compares trials at rungs.";
    const told = this.brackets.slice(0, 8).map(({ name, rungs }) => `${name}: ${rungs.map((rung) => `${this.amount(rung.resource)} ${countOf(rung)}`).join(", ")}`);
    return `Rungs, coloured by ${metricTitle(this.model.sweep)}. ${told.join("; ")}. Arrow keys go from cell to cell, Enter picks the trial.`;
  }

  /** The largest cells with which everything fits into the height that the page gives; then the chart takes as much as these need. */
  place() {
    const { frame } = this;
    this.legend = frame.width < 620 ? 50 : 30;
    const room = Number.parseFloat(frame.root.style.height) - this.legend;
    const pitch = PITCHES.find((one) => this.arrange(one).height <= room);
    const chosen = pitch >= LEGIBLE ? pitch : this.brackets.length > 1 ? LEGIBLE : pitch ?? SMALLEST;
    const layout = this.arrange(chosen);
    frame.root.style.maxHeight = askHeight(frame, this.legend + layout.height);
    return { ...layout, pitch: chosen };
  }

  /** Brackets side by side in as many lines as it takes; in a line, rungs of one resource are level. */
  arrange(pitch) {
    const { frame, brackets } = this;
    const perLine = Math.max(1, Math.min(brackets.length, Math.floor((frame.width + BETWEEN) / (LEAST_WIDTH + BETWEEN))));
    const count = Math.ceil(brackets.length / Math.ceil(brackets.length / perLine));
    const places = [];
    let top = 0;
    for (let first = 0; first < brackets.length; first += count) {
      const line = brackets.slice(first, first + count);
      const widths = shareOut(line.map(({ most }) => Math.sqrt(most)), frame.width - 8 - BETWEEN * (line.length - 1));
      const columns = widths.map((width) => Math.max(1, Math.floor((width + 2) / pitch)));
      const resources = [...new Set(line.flatMap(({ rungs }) => rungs.map(({ resource }) => resource)))].sort((a, b) => a - b);
      const tops = new Map();
      let y = top + HEAD;
      for (const resource of resources) {
        tops.set(resource, y);
        const lines = line.map(({ rungs }, place) => Math.ceil((rungs.find((rung) => rung.resource === resource)?.size ?? 0) / columns[place]));
        y += CAPTION + Math.max(1, ...lines) * pitch + BELOW;
      }
      let left = 4;
      line.forEach((bracket, place) => {
        places.push({ bracket, left, top, width: widths[place], columns: columns[place], tops });
        left += widths[place] + BETWEEN;
      });
      top = y + 8;
    }
    return { places, height: top };
  }

  draw(ctx) {
    const { marks } = this.cursor;
    marks.clear();
    this.going = [];
    if (!this.brackets.length) return drawWords(ctx, this.frame, "No rungs here: this sweep has no scheduler that compares trials on their way.");
    const { places, pitch } = this.place();
    const values = Float64Array.from(this.cells.values(), ({ value }) => toNumber(value));
    const column = { name: "value", title: metricTitle(this.model.sweep), kind: "number", isLog: false, levels: null, values };
    this.ramp = makeRamp(column, this.model.sweep, this.frame, true);
    this.drawLegend(ctx);
    for (const place of places) this.drawBracket(ctx, place, pitch);
    this.cursor.refresh();
  }

  drawLegend(ctx) {
    const { frame, ramp } = this;
    const { colors } = frame;
    const isNarrow = frame.width < 620;
    const color = ramp.colors[Math.round(ramp.colors.length * 0.62)];
    const states = new Set(Array.from(this.cells.values(), ({ state }) => state));
    const isPlanned = this.brackets.some(({ rungs }) => rungs.some(({ cells, size }) => size > cells.length));
    const items = [
      states.has("promoted") && { text: "promoted", sign: (pen, x, y) => drawCell(pen, colors, x - 6, y - 6, 11, { state: "promoted", color }) },
      states.has("here") && { text: "here", sign: (pen, x, y) => drawCell(pen, colors, x - 6, y - 6, 11, { state: "here", color }) },
      states.has("out") && { text: "out", sign: (pen, x, y) => drawCell(pen, colors, x - 6, y - 6, 11, { state: "out", color }) },
      states.has("going") && { text: "on its way", sign: (pen, x, y) => drawGoing(pen, colors, x - 6, y - 6, 11, 0.7) },
      isPlanned && { text: "planned", sign: (pen, x, y) => drawPlanned(pen, colors, x - 6, y - 6, 11) },
    ];
    drawKey(ctx, frame, items.filter(Boolean), 4, 11, isNarrow ? frame.width - 8 : frame.width * 0.5);
    drawRamp(ctx, frame, ramp, frame.width - 6, isNarrow ? 32 : 11, isNarrow ? frame.width - 12 : frame.width * 0.46);
  }

  drawBracket(ctx, { bracket, left, top, width, columns, tops }, pitch) {
    const { frame, legend } = this;
    const { colors } = frame;
    const begin = top + legend;
    ctx.font = frame.font(12.5, "600");
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.fillStyle = colors.ink;
    ctx.fillText(fitText(ctx, bracket.name, width), left, begin + 9);
    ctx.fillStyle = colors.grid;
    ctx.fillRect(left, begin + HEAD - 5, width, 1);
    for (const rung of bracket.rungs) {
      const y = begin + tops.get(rung.resource) - top;
      this.drawCaption(ctx, rung, left, y + 6, width);
      for (let place = 0; place < rung.size; place++) {
        const x = left + (place % columns) * pitch;
        this.drawPlace(ctx, rung.cells[place], x, y + CAPTION + Math.floor(place / columns) * pitch, pitch - (pitch > 8 ? 2 : 1));
      }
    }
  }

  drawCaption(ctx, rung, left, y, width) {
    const { frame } = this;
    ctx.font = frame.font(11);
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    const said = countOf(rung);
    const amount = fitText(ctx, this.amount(rung.resource), width - ctx.measureText(said).width - 12);
    ctx.fillStyle = frame.colors.ink;
    ctx.fillText(amount, left, y);
    ctx.fillStyle = frame.colors.muted;
    ctx.fillText(said, left + ctx.measureText(amount).width + 10, y);
  }

  drawPlace(ctx, cell, x, y, size) {
    const { colors } = this.frame;
    if (!cell) return drawPlanned(ctx, colors, x, y, size);
    this.cursor.marks.add(x - 1, y - 1, size + 2, size + 2, cell.id);
    const value = toNumber(cell.value);
    if (cell.state === "going") this.going.push([x, y, size]);
    else if (Number.isFinite(value)) drawCell(ctx, colors, x, y, size, { state: cell.state, color: this.ramp.color(value) });
    else {
      drawPlanned(ctx, colors, x, y, size);
      drawCross(ctx, x + size / 2, y + size / 2, Math.max(1.5, size / 2 - 3), cell.state === "out" ? colors.bad : colors.muted);
    }
  }

  over(ctx) {
    const { colors } = this.frame;
    const phase = this.going.length ? this.frame.pulse() : 0;
    for (const [x, y, size] of this.going) drawGoing(ctx, colors, x, y, size, 0.25 + 0.6 * phase);
    const picked = pickedTrials(this.model, this.cells.get(this.cursor.at)?.trial);
    if (!picked.size) return;
    for (const box of this.cursor.marks.list) {
      if (!picked.has(this.cells.get(box.id).trial)) continue;
      ctx.strokeStyle = colors.accent;
      ctx.lineWidth = box.id === this.cursor.at ? 3 : 2;
      ctx.beginPath();
      ctx.roundRect(box.left - 0.5, box.top - 0.5, box.right - box.left + 1, box.bottom - box.top + 1, 4);
      ctx.stroke();
    }
  }
}

/** Brackets with their rungs' trials as cells {id, trial, value, state, rank}, the best first, those on their way last. */
function readBrackets({ rungs, sweep }) {
  const sign = signOf(sweep);
  return (rungs?.brackets ?? []).map((bracket, nth) => {
    const read = bracket.rungs.map((rung) => {
      const cells = rung.trials.map((one) => ({ ...one, loss: sign * toNumber(one.value), id: `${nth} ${rung.resource} ${one.trial}`, bracket: bracket.name }));
      cells.sort((a, b) => (a.state === "going") - (b.state === "going") || order(a.loss, b.loss) || a.trial - b.trial);
      const one = { resource: rung.resource, planned: rung.planned, cells, size: Math.max(rung.planned ?? 0, cells.length) };
      cells.forEach((cell, rank) => Object.assign(cell, { rank, rung: one }));
      return one;
    });
    return { name: bracket.name, rungs: read, most: Math.max(1, ...read.map(({ size }) => size)) };
  });
}

/** Losses, those that are none last. */
function order(a, b) {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  return a === b ? 0 : a - b;
}

/** "4 of 9, 2 coming". */
function countOf({ cells, planned }) {
  const going = cells.filter(({ state }) => state === "going").length;
  const there = cells.length - going;
  const all = planned === null || planned === undefined ? counted(there, "trial") : `${there} of ${planned}`;
  return going ? `${all}, ${going} coming` : all;
}

/** `room` in shares of the `weights`, none below the least width as long as there is room for that. */
function shareOut(weights, room) {
  const least = Math.min(LEAST_WIDTH, room / weights.length);
  const spare = room - least * weights.length;
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => least + (spare * weight) / whole);
}

function cellPath(ctx, x, y, size) {
  ctx.beginPath();
  if (size < 7) ctx.rect(x, y, size, size);
  else ctx.roundRect(x, y, size, size, Math.min(4, size / 4));
}

function drawCell(ctx, colors, x, y, size, { state, color }) {
  ctx.globalAlpha = state === "out" ? 0.36 : 1;
  ctx.fillStyle = color;
  if (size < 7) ctx.fillRect(x, y, size, size);
  else {
    cellPath(ctx, x, y, size);
    ctx.fill();
  }
  ctx.globalAlpha = 1;
  if (state !== "promoted") return;
  // A ring would drown so small a cell, and a line one that is smaller still.
  if (size < 7) {
    ctx.fillStyle = colors.ink;
    return size > 3 && ctx.fillRect(x, y + size - 1, size, 1);
  }
  ctx.strokeStyle = colors.ink;
  ctx.lineWidth = size > 10 ? 2 : 1.5;
  cellPath(ctx, x + 0.5, y + 0.5, size - 1);
  ctx.stroke();
}

function drawGoing(ctx, colors, x, y, size, strength) {
  cellPath(ctx, x + 0.5, y + 0.5, size - 1);
  ctx.fillStyle = ctx.strokeStyle = colors.accent;
  ctx.globalAlpha = strength;
  ctx.fill();
  ctx.globalAlpha = 1;
  ctx.lineWidth = 1;
  ctx.stroke();
}

function drawPlanned(ctx, colors, x, y, size) {
  cellPath(ctx, x + 0.5, y + 0.5, size - 1);
  ctx.strokeStyle = colors.grid;
  ctx.lineWidth = 1;
  ctx.stroke();
}
