/**
 * The names above the axes of the parallel coordinates: buttons, so that they can be dragged, focused and heard.
 *
 * Calls `on.drag(name, x)`, `on.drop(name)`, `on.flip(name)`, `on.key(name, event)` (true when it was used).
 */
const DRAG_PX = 4;

export class Titles {
  constructor(frame, on) {
    this.frame = frame;
    this.on = on;
    this.buttons = new Map();
    this.widths = new Map(); // of the names, uncut
    this.box = frame.add("div", "parallel-titles");
  }

  /** `axes`: [{name, title, x, titleTop, room, words, isBrushed}] from left to right; the buttons follow them. */
  place(axes) {
    const names = new Set(axes.map(({ name }) => name));
    for (const [name, button] of this.buttons) {
      if (names.has(name)) continue;
      button.remove();
      this.buttons.delete(name);
    }
    for (const axis of axes) {
      const button = this.buttons.get(axis.name) ?? this.make(axis.name);
      if (button.textContent !== axis.title) {
        button.textContent = axis.title;
        button.style.width = "";
        this.widths.set(axis.name, Math.ceil(button.getBoundingClientRect().width));
      }
      button.title = axis.title;
      button.setAttribute("aria-label", axis.words);
      button.classList.toggle("is-brushed", axis.isBrushed);
      const [from, to] = [Math.max(0, axis.x - axis.room / 2), Math.min(this.frame.width, axis.x + axis.room / 2)];
      const width = Math.min(this.widths.get(axis.name), to - from);
      const left = Math.min(Math.max(from, axis.x - width / 2), to - width);
      Object.assign(button.style, { left: `${left}px`, top: `${axis.titleTop}px`, width: `${width}px` });
    }
    const order = axes.map(({ name }) => this.buttons.get(name));
    // Tab goes from left to right; a button that is being held must not be taken out of the page.
    if (order.some((button, place) => this.box.children[place] !== button) && !this.held) {
      const focused = document.activeElement;
      this.box.replaceChildren(...order);
      if (order.includes(focused)) focused.focus();
    }
  }

  make(name) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "parallel-title";
    this.buttons.set(name, button);
    this.box.append(button);
    let start = null;
    let isMoved = false;
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      start = event.clientX;
      isMoved = false;
      button.setPointerCapture(event.pointerId);
    });
    button.addEventListener("pointermove", (event) => {
      if (start === null || (!isMoved && Math.abs(event.clientX - start) < DRAG_PX)) return;
      isMoved = true;
      this.held = name;
      this.on.drag(name, this.frame.pointOf(event).x);
    });
    const drop = () => {
      start = null;
      this.held = null;
      if (isMoved) this.on.drop(name);
      isMoved = false;
    };
    button.addEventListener("pointerup", drop);
    button.addEventListener("pointercancel", drop);
    button.addEventListener("dblclick", () => this.on.flip(name));
    button.addEventListener("keydown", (event) => this.on.key(name, event) && event.preventDefault());
    return button;
  }
}
