/** What those charts share that have marks for a Cursor to go through. */
import { Cursor, Frame } from "studio/charts/frame.js";

/**
 * A class of it has NEWS, the keys of the model that its picture depends on; read(before), which reads `this.model` once one
 * of them is new, `before` being the model until then, if any; summary(), the picture in words; words(id) of a mark, see
 * Cursor; draw(ctx) and over(ctx), see Frame. Its handlers() may add to those of the cursor.
 */
export class MarkChart {
  constructor(root, emit, marks) {
    this.emit = emit;
    this.cursor = new Cursor(emit, (id) => this.words(id), marks);
    this.frame = new Frame(root, this.handlers());
    this.cursor.frame = this.frame;
  }

  handlers() {
    return { draw: (ctx) => this.draw(ctx), over: (ctx) => this.over(ctx), ...this.cursor.handlers() };
  }

  update(model) {
    const before = this.model;
    this.model = model;
    if (before && this.constructor.NEWS.every((key) => before[key] === model[key])) return this.frame.redrawOver();
    this.read(before);
    this.frame.describe(this.summary());
    this.frame.redraw();
  }

  destroy() {
    this.frame.destroy();
  }
}
