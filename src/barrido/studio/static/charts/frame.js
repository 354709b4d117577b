/**
 * What every chart stands on: canvases that fill their root, colours of the theme, one drawing per animation frame,
 * pointer and keyboard, a tooltip and words for screen readers. axes.js and marks.js are exported from here too.
 *
 *   const frame = new Frame(root, {
 *     draw(ctx, frame) {},      // everything; may be a generator, see below
 *     over(ctx, frame) {},      // what follows the pointer, on a canvas above; cheap
 *     move(point) {},           // {x, y, event} in CSS pixels of the root, null when the pointer left
 *     click(point) {}, doubleClick(point) {},
 *     dragStart(point) {},      // true takes the gesture: drag(point, start) follows, then dragEnd(point, start)
 *     key(event) {},            // true when it was meant for the chart
 *     wheel(point) {},          // true when it was used (the page then does not scroll)
 *     blur() {},
 *   });
 *   frame.redraw();  frame.redrawOver();  frame.describe("what it shows");  frame.say("trial 3: 0.91");
 *
 * Nothing is drawn before there is something to describe.
 *
 * A `draw` that is a generator is run in slices under 12 ms, with room for input between them: it yields wherever
 * it may be interrupted. It must take what it draws from variables of its own, because the model may change between slices.
 * Every canvas context is in CSS pixels. `frame.ctx` is the one of `draw`, for measuring text at any time.
 */
export * from "studio/charts/axes.js";
export * from "studio/charts/marks.js";

const COLORS = ["ink", "muted", "grid", "surface", "accent", "good", "bad", "warn"];
const SERIES = 10;
const SLICE_MS = 12;
const PARTIAL_MS = 120; // how often an unfinished first picture is shown
const CLICK_PX = 4;

export class Frame {
  constructor(root, handlers) {
    this.root = root;
    this.handlers = handlers;
    this.width = 0;
    this.height = 0;
    this.colors = {};
    this.wanted = { base: false, over: false };
    this.ticket = 0;
    this.isComplete = false;
    this.listeners = [];
    // A message to oneself lets input in between slices, without the wait that timers and frames have.
    this.turns = new MessageChannel();
    this.turns.port1.onmessage = () => this.work && this.advance();
    root.replaceChildren();
    root.classList.add("chart");
    this.base = this.add("canvas");
    this.top = this.add("canvas", "chart-top");
    this.back = document.createElement("canvas");
    this.ctx = this.back.getContext("2d", { willReadFrequently: true });
    this.probe = this.add("span", "chart-probe");
    this.live = this.add("div", "chart-live");
    this.live.setAttribute("aria-live", "polite");
    this.tip = this.add("div", "chart-tip");
    this.tip.hidden = true;
    this.top.tabIndex = 0;
    this.top.setAttribute("role", "img");
    this.listenToPointer();
    this.listen(this.top, "keydown", (event) => {
      if (!handlers.key?.(event)) return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.listen(this.top, "blur", () => handlers.blur?.());
    this.listen(window, "studio-theme", () => this.readTheme());
    this.listen(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.readTheme());
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(root);
    this.readTheme();
    this.resize();
  }

  add(tag, className = "") {
    const element = document.createElement(tag);
    if (className) element.className = className;
    return this.root.appendChild(element);
  }

  /** An event listener that destroy() takes off again. */
  listen(target, type, handle, options) {
    target.addEventListener(type, handle, options);
    this.listeners.push(() => target.removeEventListener(type, handle, options));
  }

  destroy() {
    cancelAnimationFrame(this.ticket);
    clearTimeout(this.pulsing);
    this.ticket = -1;
    this.work = null;
    this.turns.port1.close();
    this.sizes.disconnect();
    for (const unlisten of this.listeners) unlisten();
    this.root.replaceChildren();
    this.root.classList.remove("chart");
  }

  /** A computed colour, not the text of the property: `color-mix()` and `light-dark()` come out as canvas knows them. */
  readTheme() {
    const read = (name) => {
      this.probe.style.color = `var(--${name})`;
      return getComputedStyle(this.probe).color;
    };
    this.colors = Object.fromEntries(COLORS.map((name) => [name, read(name)]));
    this.colors.c = Array.from({ length: SERIES }, (_, place) => read(`c${place}`));
    this.colors.isDark = lightness(this.colors.surface) < 0.5;
    this.redraw();
  }

  resize() {
    const width = Math.floor(this.root.clientWidth);
    const height = Math.floor(this.root.clientHeight);
    const ratio = window.devicePixelRatio || 1;
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    Object.assign(this, { width, height, ratio, isComplete: false });
    for (const canvas of [this.base, this.top, this.back]) {
      canvas.width = Math.max(1, Math.round(width * ratio));
      canvas.height = Math.max(1, Math.round(height * ratio));
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.redraw();
  }

  /** The canvas font of the page at `px`, such as frame.font(11, "bold"). */
  font(px = 11.5, weight = "") {
    this.family ??= getComputedStyle(this.root).fontFamily || "sans-serif";
    return `${weight} ${px}px ${this.family}`.trim();
  }

  redraw() {
    this.wanted.base = true;
    this.redrawOver();
  }

  redrawOver() {
    this.wanted.over = true;
    if (this.ticket === 0) this.ticket = requestAnimationFrame(() => this.tick());
  }

  tick() {
    this.ticket = 0;
    if (!this.width || !this.height || !this.label) return;
    if (!this.work && this.wanted.base) this.begin();
    if (this.wanted.over) {
      this.wanted.over = false;
      const ctx = this.top.getContext("2d");
      ctx.clearRect(0, 0, this.width, this.height);
      ctx.save();
      this.handlers.over?.(ctx, this);
      ctx.restore();
    }
  }

  begin() {
    this.wanted.base = false;
    this.ctx.restore();
    this.ctx.save();
    this.ctx.clearRect(0, 0, this.width, this.height);
    this.drawnAt = [this.width, this.height, this.ratio].join();
    const work = this.handlers.draw(this.ctx, this);
    if (typeof work?.next !== "function") return this.show(true);
    this.work = work;
    this.shownAt = performance.now();
    this.advance();
  }

  /** A picture once complete is replaced only by a complete one, so that nothing flickers while a brush moves. */
  advance() {
    if (this.drawnAt !== [this.width, this.height, this.ratio].join()) {
      this.work = null;
      return this.redraw();
    }
    const until = performance.now() + SLICE_MS;
    let isDone = false;
    while (!isDone && performance.now() < until) {
      isDone = this.work.next().done;
      this.ctx.getImageData(0, 0, 1, 1); // canvases paint when they are read; unread, all the slices would be one long one
    }
    if (isDone) this.work = null;
    const now = performance.now();
    if (isDone || (!this.isComplete && now - this.shownAt > PARTIAL_MS)) {
      this.show(isDone);
      this.shownAt = now;
    }
    this.isComplete ||= isDone;
    if (!isDone) this.turns.port2.postMessage(null);
    else if (this.wanted.base) this.redraw();
  }

  /** `data-drawn` tells whoever waits for it that the picture is complete. */
  show(isDone) {
    this.root.toggleAttribute("data-drawn", isDone);
    this.root.classList.toggle("is-dark", this.colors.isDark);
    const ctx = this.base.getContext("2d");
    ctx.clearRect(0, 0, this.width, this.height);
    ctx.drawImage(this.back, 0, 0, this.width, this.height);
  }

  /**
   * 0 to 1 and back every two seconds, for marks in `over` that are alive; asking for it brings the next drawing of
   * `over` about. Stands still for people who asked for less motion.
   */
  pulse() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return 0.5;
    clearTimeout(this.pulsing);
    this.pulsing = setTimeout(() => this.redrawOver(), 66);
    return 0.5 - 0.5 * Math.cos((performance.now() / 1000) * Math.PI);
  }

  /** What the chart shows, in words: its aria-label. */
  describe(text) {
    if (this.label === text) return;
    this.label = text;
    this.top.setAttribute("aria-label", text);
  }

  /** Says `text` to screen readers (aria-live). */
  say(text) {
    this.live.textContent = text;
  }

  /** Shows a tooltip at (x, y): a title and rows of [name, text]. Data goes in as text, never as markup. */
  showTip(x, y, title, rows = []) {
    const head = document.createElement("strong");
    head.textContent = title;
    const list = document.createElement("dl");
    for (const [name, text] of rows) {
      list.appendChild(document.createElement("dt")).textContent = name;
      list.appendChild(document.createElement("dd")).textContent = text;
    }
    this.tip.replaceChildren(head, list);
    this.tip.hidden = false;
    this.moveTip(x, y);
  }

  /** Puts the tooltip beside (x, y), where there is room for it. */
  moveTip(x, y) {
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const left = x + 14 + width <= this.width ? x + 14 : Math.max(0, x - 14 - width);
    this.tip.style.left = `${left}px`;
    this.tip.style.top = `${Math.max(0, Math.min(y + 14, this.height - height - 4))}px`;
  }

  hideTip() {
    this.tip.hidden = true;
  }

  pointOf(event) {
    const box = this.root.getBoundingClientRect();
    return { x: event.clientX - box.left - this.root.clientLeft, y: event.clientY - box.top - this.root.clientTop, event };
  }

  listenToPointer() {
    const { handlers, top } = this;
    let start = null;
    let isDrag = false;
    this.listen(top, "pointerdown", (event) => {
      if (event.button !== 0) return;
      start = this.pointOf(event);
      isDrag = handlers.dragStart?.(start) === true;
      if (isDrag) top.setPointerCapture(event.pointerId);
    });
    this.listen(top, "pointermove", (event) => {
      const point = this.pointOf(event);
      if (isDrag && start) handlers.drag?.(point, start);
      else handlers.move?.(point);
    });
    this.listen(top, "pointerup", (event) => {
      if (!start) return;
      const point = this.pointOf(event);
      const isClick = Math.hypot(point.x - start.x, point.y - start.y) < CLICK_PX;
      const from = start;
      start = null;
      if (isDrag) handlers.dragEnd?.(point, from);
      isDrag = false;
      if (isClick) handlers.click?.(point);
    });
    this.listen(top, "pointercancel", (event) => {
      if (isDrag && start) handlers.dragEnd?.(this.pointOf(event), start);
      start = null;
      isDrag = false;
    });
    this.listen(top, "pointerleave", () => isDrag || handlers.move?.(null));
    this.listen(top, "dblclick", (event) => handlers.doubleClick?.(this.pointOf(event)));
    if (!handlers.wheel) return;
    const wheel = (event) => handlers.wheel(this.pointOf(event)) === true && event.preventDefault();
    this.listen(top, "wheel", wheel, { passive: false });
  }
}

/** How light a computed colour is, 0 to 1; 1 for what cannot be read. */
function lightness(color) {
  const [red, green, blue] = (color.match(/[\d.]+/g) ?? []).map(Number);
  if (blue === undefined) return 1;
  const scale = color.startsWith("rgb") ? 255 : 1;
  return (0.3 * red + 0.59 * green + 0.11 * blue) / scale;
}
