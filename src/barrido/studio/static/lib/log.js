// A trial's log as it grows, in pieces: read from its end, followed while it runs, and further back when asked for.

import { get, sweepUrl } from "studio/lib/api.js";

const PIECE = 256 * 1024; // bytes, as much as the server gives at once
const MOST = 24 * PIECE; // what a page keeps; older text is dropped, and read again when asked for
const EVERY_MS = 1000;

export class LogReader {
  constructor(sweep, trial, attempt, onchange) {
    Object.assign(this, { path: sweepUrl(sweep, "trials", trial, "log"), attempt, onchange });
    this.stopper = new AbortController();
    this.state = { pieces: [], start: 0, end: 0, size: 0, isOver: false, isReady: false, error: null };
    this.follow();
  }

  close() {
    this.stopper.abort();
    clearTimeout(this.timer);
  }

  set(changes) {
    if (this.stopper.signal.aborted) return;
    this.state = { ...this.state, ...changes };
    this.onchange(this.state);
  }

  ask(offset) {
    return get(this.path, { query: { offset, attempt: this.attempt }, signal: this.stopper.signal });
  }

  async follow() {
    const { isReady, end } = this.state;
    let wait = EVERY_MS;
    try {
      const reply = await this.ask(isReady ? end : -PIECE);
      const start = isReady ? this.state.start : beginning(reply, Math.max(0, reply.size - PIECE));
      this.set({ ...this.append(reply.text, start), end: reply.offset, size: reply.size, isOver: reply.is_over, isReady: true, error: null });
      if (reply.offset < reply.size && reply.text) wait = 0; // without text, it ends within a character
      else if (reply.is_over) return;
    } catch (error) {
      this.set({ error });
      wait = 5 * EVERY_MS;
    }
    if (!this.stopper.signal.aborted) this.timer = setTimeout(() => this.follow(), wait);
  }

  /** The piece before the first; resolves when it is there. */
  async back() {
    const { start } = this.state;
    const from = Math.max(0, start - PIECE);
    try {
      const reply = await this.ask(from);
      if (this.state.start !== start) return; // asked for twice, or what it was to stand before was dropped meanwhile
      const first = beginning(reply, from);
      const text = textOf(new TextEncoder().encode(reply.text).subarray(0, start - first));
      this.set({ pieces: [{ at: first, text }, ...this.state.pieces], start: first, error: null });
    } catch (error) {
      this.set({ error });
    }
  }

  append(text, start) {
    let { pieces } = this.state;
    if (!text) return { pieces, start };
    const last = pieces.at(-1);
    // Lines come a few at a time; a page of thousands of tiny pieces would be slow.
    if (last && last.text.length < PIECE / 4) pieces = [...pieces.slice(0, -1), { at: last.at, text: last.text + text }];
    else pieces = [...pieces, { at: this.state.isReady ? this.state.end : start, text }];
    while (pieces.length > 1 && this.state.end - pieces[0].at > MOST) {
      pieces = pieces.slice(1);
      start = pieces[0].at;
    }
    return { pieces, start };
  }
}

/** Where a reply's text begins: after what `from` tears apart. What is no UTF-8 was replaced by longer characters. */
function beginning({ offset, text }, from) {
  return Math.max(from, offset - new TextEncoder().encode(text).length);
}

function textOf(bytes) {
  return new TextDecoder().decode(bytes);
}

const COLOURS = /\x1b\[[0-9;?]*[A-Za-z]/g;

/** As a terminal would have shown it in the end: without colours, each line after its last carriage return. */
export function plainText(text) {
  const clean = text.includes("\x1b") ? text.replace(COLOURS, "") : text;
  if (!clean.includes("\r")) return clean;
  return clean.split("\n").map((line) => {
    const ended = line.endsWith("\r") ? line.slice(0, -1) : line;
    return ended.slice(ended.lastIndexOf("\r") + 1);
  }).join("\n");
}
