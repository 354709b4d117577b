/** What several charts draw beside the marks of marks.js: rectangles, hatching, keys, paragraphs. */

const hatches = new Map();

/** Rectangles to be hit and walked through; stands where a Cursor expects Marks. They are walked in the order they were added. */
export class Boxes {
  constructor() {
    this.clear();
  }

  clear() {
    this.list = [];
    this.places = new Map();
  }

  get size() {
    return this.list.length;
  }

  add(left, top, width, height, id) {
    this.places.set(id, this.list.push({ left, top, right: left + width, bottom: top + height, id }) - 1);
  }

  box(id) {
    return this.list[this.places.get(id)] ?? null;
  }

  /** {id, x, y} of the rectangle under (x, y), or of the nearest within `reach` pixels; x and y lie in it. */
  nearest(x, y, reach = 3) {
    let found = null;
    let least = reach;
    for (const box of this.list) {
      const [dx, dy] = [gap(x, box.left, box.right), gap(y, box.top, box.bottom)];
      const distance = dx > dy ? dx : dy;
      if (distance > least || (found && distance === least)) continue;
      [found, least] = [box, distance];
      if (distance === 0) break;
    }
    this.spot = found && { id: found.id, x, y };
    return this.spot;
  }

  /** Where a tooltip of `id` belongs: where the pointer went in, else the middle. */
  find(id) {
    const box = this.box(id);
    if (!box) return null;
    if (this.spot?.id === id && gap(this.spot.x, box.left, box.right) + gap(this.spot.y, box.top, box.bottom) < 8) return this.spot;
    return { id, x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
  }

  /** For the arrow keys: along "x" the next in order, along "y" the next row's nearest. */
  step(id, by, along = "x") {
    if (!this.size) return null;
    const now = this.box(id);
    if (!now) return this.find(this.list.at(by > 0 ? 0 : -1).id);
    if (along === "x") {
      const place = Math.min(this.size - 1, Math.max(0, this.places.get(id) + by));
      return this.find(this.list[place].id);
    }
    const [x, y] = [(now.left + now.right) / 2, (now.top + now.bottom) / 2];
    let found = now;
    let least = Infinity;
    for (const box of this.list) {
      const ahead = by * ((box.top + box.bottom) / 2 - y);
      const cost = 4 * ahead + gap(x, box.left, box.right);
      if (ahead > 1 && cost < least) [found, least] = [box, cost];
    }
    return this.find(found.id);
  }
}

function gap(at, low, high) {
  return at < low ? low - at : at > high ? at - high : 0;
}

/** Lets nothing be drawn beside a plot. */
export function clip(ctx, { left, top, right, bottom }) {
  ctx.beginPath();
  ctx.rect(left, top, right - left, bottom - top);
  ctx.clip();
}

/** The rectangle [x1, y1, x2, y2] that is being dragged over a chart. */
export function drawRect(ctx, frame, [x1, y1, x2, y2]) {
  ctx.fillStyle = ctx.strokeStyle = frame.colors.accent;
  ctx.globalAlpha = 0.1;
  ctx.fillRect(x1, y1, x2 - x1, y2 - y1);
  ctx.globalAlpha = 0.8;
  ctx.lineWidth = 1;
  ctx.strokeRect(x1 + 0.5, y1 + 0.5, x2 - x1, y2 - y1);
}

/** A fill of thin diagonal lines in `color`. */
export function hatching(ctx, color) {
  if (!hatches.has(color)) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 12;
    const pen = tile.getContext("2d");
    pen.strokeStyle = color;
    pen.lineWidth = 2.4;
    pen.lineCap = "square";
    for (const shift of [-12, 0, 12]) {
      pen.moveTo(shift, 12);
      pen.lineTo(shift + 12, 0);
    }
    pen.stroke();
    const pattern = ctx.createPattern(tile, "repeat");
    pattern.setTransform(new DOMMatrix().scale(0.5));
    hatches.set(color, pattern);
  }
  return hatches.get(color);
}

/**
 * A key to what is drawn: `items` of {text, sign(ctx, x, y)}, the sign in 12 px around (x, y); from `left` on in at
 * most `most` lines of `room` pixels, `y` the middle of the first. Items without room are left out. Gives how many lines it took.
 */
export function drawKey(ctx, frame, items, left, y, room, most = 1) {
  ctx.font = frame.font(11);
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  let x = left;
  let lines = 1;
  for (const { text, sign } of items) {
    const width = 18 + ctx.measureText(text).width;
    if (x > left && x + width > left + room) {
      if (lines === most) break;
      x = left;
      lines += 1;
    }
    const middle = y + (lines - 1) * 18;
    ctx.save();
    sign(ctx, x + 6, middle);
    ctx.restore();
    ctx.fillStyle = frame.colors.muted;
    ctx.fillText(text, x + 17, middle);
    x += width + 14;
  }
  return lines;
}

/** Sentences in the middle of a chart that has nothing to draw. */
export function drawWords(ctx, frame, text) {
  ctx.font = frame.font(13);
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillStyle = frame.colors.muted;
  const lines = wrap(ctx, text, Math.min(520, frame.width - 32));
  lines.forEach((line, place) => ctx.fillText(line, frame.width / 2, frame.height / 2 + (place - (lines.length - 1) / 2) * 20));
}

/** `text` in lines no wider than `room`; a word that is wider is cut in two. */
function wrap(ctx, text, room) {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    let rest = word;
    const longer = lines.at(-1) ? `${lines.at(-1)} ${rest}` : rest;
    if (ctx.measureText(longer).width <= room) {
      lines[lines.length - 1] = longer;
      continue;
    }
    if (lines.at(-1)) lines.push("");
    while (ctx.measureText(rest).width > room && rest.length > 1) {
      let count = rest.length;
      while (count > 1 && ctx.measureText(rest.slice(0, count)).width > room) count -= 1;
      lines[lines.length - 1] = rest.slice(0, count);
      rest = rest.slice(count);
      lines.push("");
    }
    lines[lines.length - 1] = rest;
  }
  return lines;
}

/** Asks for at least `height` pixels, where the page gave fewer than the marks need to be told apart; gives it in CSS. */
export function askHeight(frame, height) {
  frame.root.style.minHeight = `${Math.ceil(height)}px`;
  return frame.root.style.minHeight;
}
