/** How much of the results' variance each parameter explains alone, and what only several explain together. */
import { MarkChart } from "studio/charts/chart.js";
import { formatNumber, levelText, toNumber } from "studio/charts/columns.js";
import { fitText } from "studio/charts/frame.js";
import { Boxes, askHeight, drawWords, hatching } from "studio/charts/shapes.js";

const TOGETHER = Symbol("together");
const NARROW = 560;

/**
 * Model: {sweep, importance: {shares, why_not}, param: name of the one to bring out, or undefined}.
 * A click or Enter emits "param" {name}, and "select" {param} for pages that listen to that alone.
 */
export class Importance extends MarkChart {
  static NEWS = ["importance", "param", "sweep"];

  constructor(root, emit) {
    const tell = (name, { trial: row }) => {
      if (name !== "select" || row === TOGETHER) return;
      emit("param", { name: row });
      emit("select", { param: row });
    };
    super(root, tell, new Boxes());
  }

  read() {
    this.rows = rowsOf(this.model.importance?.shares);
  }

  destroy() {
    this.frame.root.style.minHeight = "";
    super.destroy();
  }

  summary() {
    if (!this.rows.length) return this.whyNot();
    const parts = this.rows.map(({ id, share }) => `${id === TOGETHER ? "several together" : id} ${percent(share)}`);
    return `Share of the results' variance by parameter: ${parts.join(", ")}. Arrow keys go through them, Enter picks one.`;
  }

  whyNot() {
    return this.model.importance?.why_not || "Nothing is known yet of which parameters matter.";
  }

  words(id) {
    const { share } = this.rows.find((row) => row.id === id) ?? {};
    if (id === TOGETHER) return { title: "Together", rows: [["share of the variance", percent(share)], ["due to", "several parameters at once"]] };
    const dimension = this.model.sweep.space?.find(({ name }) => name === id);
    return { title: id, rows: [["share of the variance", percent(share)], ...(dimension ? [["tried", rangeOf(dimension)]] : [])] };
  }

  place() {
    const { frame, rows } = this;
    const isStacked = frame.width < NARROW;
    const least = isStacked ? 36 : 22;
    askHeight(frame, 12 + rows.length * least);
    const pitch = Math.max(least, Math.min(isStacked ? 46 : 38, (frame.height - 12) / rows.length));
    const ctx = frame.ctx;
    ctx.font = frame.font(12.5);
    const widest = Math.max(...rows.map(({ text }) => ctx.measureText(text).width));
    const left = isStacked ? 6 : Math.min(Math.ceil(widest), frame.width * 0.32) + 22;
    const top = 6;
    return { isStacked, pitch, left, top, room: Math.max(40, frame.width - left - (isStacked ? 66 : 150)) };
  }

  draw(ctx) {
    const { marks } = this.cursor;
    marks.clear();
    if (!this.rows.length) return drawWords(ctx, this.frame, this.whyNot());
    const layout = this.place();
    const most = Math.max(...this.rows.map(({ share }) => share), 1e-9);
    for (const [place, row] of this.rows.entries()) {
      const y = layout.top + place * layout.pitch;
      this.drawRow(ctx, layout, row, y, Math.max(2, (layout.room * row.share) / most), place === 0);
      marks.add(0, y, this.frame.width, layout.pitch, row.id);
    }
    this.cursor.refresh();
  }

  drawRow(ctx, { isStacked, pitch, left }, { id, share, text }, y, length, isFirst) {
    const { frame } = this;
    const { colors } = frame;
    const isChosen = id === this.model.param;
    const middle = isStacked ? y + pitch - 13 : y + pitch / 2;
    const thick = isStacked ? 11 : Math.min(18, pitch * 0.56);
    ctx.font = frame.font(12.5, isChosen ? "600" : "");
    ctx.textBaseline = "middle";
    ctx.fillStyle = id === TOGETHER ? colors.muted : colors.ink;
    ctx.textAlign = isStacked ? "left" : "right";
    if (isStacked) ctx.fillText(fitText(ctx, text, frame.width - 14), left, y + pitch - 28);
    else ctx.fillText(fitText(ctx, text, left - 16), left - 10, middle);
    ctx.beginPath();
    ctx.roundRect(left, middle - thick / 2, length, thick, Math.min(3, length / 2));
    ctx.globalAlpha = id === TOGETHER || isChosen || !this.model.param ? 1 : 0.55;
    ctx.fillStyle = id === TOGETHER ? hatching(ctx, colors.muted) : isChosen ? colors.accent : colors.c[0];
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.textAlign = "left";
    ctx.font = frame.font(12, "600");
    ctx.fillStyle = colors.ink;
    const said = percent(share);
    ctx.fillText(said, left + length + 8, middle);
    if (!isFirst) return;
    const begin = left + length + 12 + ctx.measureText(said).width;
    ctx.font = frame.font(12);
    ctx.fillStyle = colors.muted;
    if (ctx.measureText("of the variance").width < frame.width - begin) ctx.fillText("of the variance", begin, middle);
  }

  over(ctx) {
    const box = this.cursor.marks.box(this.cursor.at);
    if (!box) return;
    ctx.fillStyle = this.frame.colors.accent;
    ctx.globalAlpha = 0.09;
    ctx.beginPath();
    ctx.roundRect(box.left + 1, box.top, box.right - box.left - 2, box.bottom - box.top, 5);
    ctx.fill();
  }
}

function rowsOf(shares) {
  if (!shares) return [];
  const rows = Object.entries(shares).map(([name, share]) => ({ id: name, text: name, share: Math.max(0, toNumber(share) || 0) }));
  rows.sort((a, b) => b.share - a.share);
  const rest = 1 - rows.reduce((sum, { share }) => sum + share, 0);
  if (rest > 5e-4) rows.push({ id: TOGETHER, text: "together", share: rest });
  return rows;
}

function percent(share) {
  const hundredths = share * 100;
  if (hundredths > 0 && hundredths < 0.1) return "under 0.1 %";
  return `${hundredths >= 9.95 || hundredths === 0 ? Math.round(hundredths) : Number(hundredths.toPrecision(2))} %`;
}

function rangeOf({ kind, choices, low, high, scale }) {
  if (kind === "category") return (choices ?? []).slice(0, 6).map(levelText).join(", ") + (choices?.length > 6 ? ", …" : "");
  return `${formatNumber(low)} to ${formatNumber(high)}${scale === "log" ? ", log scale" : ""}`;
}
