/** Points in a box seen in perspective: where they come to lie, from the farthest to the nearest, and drawn fast. */

const DISTANCE = 6;
const HOME = { yaw: -0.62, pitch: 0.38, zoom: 1 };
const DEPTHS = 512;
const SIZES = 5;

/** A look at the box from -1 to 1 on three axes, z up. `yaw` and `pitch` in radians; from a pitch above 0 one looks down. */
export class Camera {
  constructor() {
    this.reset();
    this.fit({ left: 0, top: 0, right: 1, bottom: 1 });
  }

  reset() {
    Object.assign(this, HOME);
  }

  turn(yaw, pitch) {
    this.yaw += yaw;
    this.pitch = Math.min(1.5, Math.max(-1.5, this.pitch + pitch));
  }

  closer(factor) {
    this.zoom = Math.min(8, Math.max(0.4, this.zoom * factor));
  }

  /** Makes the box as large as it may be to stay in a rectangle while it is turned at its first pitch; on wide ground it is wider. */
  fit({ left, top, right, bottom }) {
    const [width, height] = [right - left, bottom - top];
    this.spread = Math.min(1.35, Math.max(1, (0.62 * width) / height));
    const corner = Math.SQRT2 * this.spread;
    const [cos, sin] = [Math.cos(HOME.pitch), Math.sin(HOME.pitch)];
    const reach = (along, z) => ((z * cos + along * sin) * DISTANCE) / (DISTANCE + along * cos - z * sin);
    const [above, below] = [Math.max(reach(corner, 1), reach(0, 1)), -reach(-corner, -1)];
    this.scale = Math.max(30, Math.min(width / (2.1 * corner), height / (above + below)));
    this.centerX = (left + right) / 2;
    this.centerY = (top + bottom) / 2 + (this.scale * (above - below)) / 2;
  }

  /** [x, y, depth] in pixels; a greater depth is farther away. */
  project(x, y, z) {
    const across = this.spread * (x * Math.cos(this.yaw) - y * Math.sin(this.yaw));
    const along = this.spread * (x * Math.sin(this.yaw) + y * Math.cos(this.yaw));
    const up = z * Math.cos(this.pitch) + along * Math.sin(this.pitch);
    const depth = along * Math.cos(this.pitch) - z * Math.sin(this.pitch);
    const near = (this.scale * this.zoom * DISTANCE) / (DISTANCE + depth);
    return [this.centerX + across * near, this.centerY - up * near, depth];
  }
}

/** The points themselves; what a Cursor expects of marks, in front of others the nearer one is hit. */
export class Cloud {
  /** `points`: [{trial, x, y, z, look}], `look` the place of how it is drawn among the sprites. */
  constructor(points) {
    this.points = points;
    this.places = new Map(points.map(({ trial }, place) => [trial, place]));
    this.xs = new Float32Array(points.length);
    this.ys = new Float32Array(points.length);
    this.depths = new Float32Array(points.length);
    this.order = new Uint32Array(points.length);
  }

  project(camera) {
    this.points.forEach(({ x, y, z }, place) => {
      [this.xs[place], this.ys[place], this.depths[place]] = camera.project(x, y, z);
    });
    this.sort();
  }

  /** A counting sort by depth: as fine as the eye sees, and 10,000 points take well under a millisecond. */
  sort() {
    const counts = new Uint32Array(DEPTHS + 1);
    const slots = this.depths.map((depth) => DEPTHS - 1 - Math.min(DEPTHS - 1, Math.max(0, Math.floor(((depth + 2.8) / 5.6) * DEPTHS))));
    for (const slot of slots) counts[slot + 1] += 1;
    for (let slot = 0; slot < DEPTHS; slot++) counts[slot + 1] += counts[slot];
    slots.forEach((slot, place) => {
      this.order[counts[slot]] = place;
      counts[slot] += 1;
    });
  }

  draw(ctx, sprites, width, height) {
    const { points, xs, ys, depths } = this;
    sprites.begin(width, height);
    for (const place of this.order) {
      const size = Math.min(SIZES - 1, Math.max(0, Math.floor(((1.75 - depths[place]) / 3.5) * SIZES)));
      sprites.put(points[place].look, size, xs[place], ys[place]);
    }
    sprites.end(ctx);
  }

  nearest(x, y, reach = 14) {
    let found = -1;
    let least = Infinity;
    for (let place = 0; place < this.points.length; place++) {
      const away = Math.hypot(this.xs[place] - x, this.ys[place] - y);
      const cost = away + 2 * this.depths[place];
      if (away <= reach && cost < least) [found, least] = [place, cost];
    }
    return found < 0 ? null : this.at(found);
  }

  find(trial) {
    return this.places.has(trial) ? this.at(this.places.get(trial)) : null;
  }

  at(place) {
    return { id: this.points[place].trial, x: this.xs[place], y: this.ys[place] };
  }

  /** The next trial by number, whichever way; the box has no left and right that stay. */
  step(trial, by) {
    const count = this.points.length;
    if (!count) return null;
    const now = this.places.get(trial);
    return this.at(now === undefined ? (by > 0 ? 0 : count - 1) : Math.min(count - 1, Math.max(0, now + by)));
  }
}

/**
 * Each look drawn once in every size, then stamped pixel by pixel into a layer: for 10,000 dots several times faster than
 * as many calls of the canvas, where there is no graphics card.
 */
export class Sprites {
  /** `looks`: [(ctx, x, y, radius) => draws it], `radius` that of the middle size, `ratio` device pixels a CSS pixel. */
  constructor(looks, radius, ratio) {
    this.ratio = ratio;
    const edge = Math.ceil((radius * 1.4 + 2) * 2 * ratio);
    const sheet = document.createElement("canvas");
    sheet.width = edge * SIZES;
    sheet.height = edge * looks.length;
    const ctx = sheet.getContext("2d", { willReadFrequently: true });
    ctx.scale(ratio, ratio);
    looks.forEach((look, row) => {
      for (let size = 0; size < SIZES; size++) {
        ctx.save();
        look(ctx, ((size + 0.5) * edge) / ratio, ((row + 0.5) * edge) / ratio, radius * (0.68 + 0.16 * size));
        ctx.restore();
      }
    });
    const { data } = ctx.getImageData(0, 0, sheet.width, sheet.height);
    this.stamps = looks.flatMap((_, row) => Array.from({ length: SIZES }, (__, size) => stampOf(data, edge, row, size)));
    this.layer = document.createElement("canvas");
  }

  /** An empty layer of so many CSS pixels. */
  begin(width, height) {
    const { layer, ratio } = this;
    const [across, down] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (layer.width !== across || layer.height !== down || !this.image) {
      Object.assign(layer, { width: across, height: down });
      this.image = new ImageData(across, down);
    } else this.image.data.fill(0);
  }

  put(look, size, x, y) {
    const { width, height, data } = this.image;
    const [left, top] = [Math.round(x * this.ratio), Math.round(y * this.ratio)];
    const stamp = this.stamps[look * SIZES + size];
    for (let at = 0; at < stamp.length; at += 6) {
      const [px, py] = [left + stamp[at], top + stamp[at + 1]];
      if (px < 0 || py < 0 || px >= width || py >= height) continue;
      const to = 4 * (py * width + px);
      const alpha = stamp[at + 5] / 255;
      const under = (data[to + 3] / 255) * (1 - alpha);
      const whole = alpha + under;
      data[to] = (stamp[at + 2] * alpha + data[to] * under) / whole;
      data[to + 1] = (stamp[at + 3] * alpha + data[to + 1] * under) / whole;
      data[to + 2] = (stamp[at + 4] * alpha + data[to + 2] * under) / whole;
      data[to + 3] = 255 * whole;
    }
  }

  end(ctx) {
    const { layer, ratio } = this;
    layer.getContext("2d").putImageData(this.image, 0, 0);
    ctx.drawImage(layer, 0, 0, layer.width / ratio, layer.height / ratio);
  }
}

/** The pixels of one cell of the sheet that are not empty, six numbers each: x, y from its middle, red, green, blue, alpha. */
function stampOf(data, edge, row, size) {
  const found = [];
  for (let y = 0; y < edge; y++) {
    for (let x = 0; x < edge; x++) {
      const from = 4 * ((row * edge + y) * edge * SIZES + size * edge + x);
      if (data[from + 3]) found.push(x - (edge >> 1), y - (edge >> 1), ...data.subarray(from, from + 4));
    }
  }
  return Int16Array.from(found);
}
