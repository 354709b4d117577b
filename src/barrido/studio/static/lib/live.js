// What the server streams, kept once for all parts of the page that want it: one EventSource a sweep.

import { useEffect, useState } from "preact";
import { ApiError, get, sweepUrl } from "studio/lib/api.js";
import { emptyTrials, isOver, mergeTrials } from "studio/lib/trials.js";

const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const HIDDEN_MS = 10000;
const LINGER_MS = 4000; // going from one page of a sweep to another must not load it anew
const REFRESH_MS = 15000; // what only the Overview has (spending, links) while a sweep runs

/**
 * One stream: connects, connects again, and hands each message to `onmessage(event, data)`. While nobody sees the page
 * it hangs up: a browser keeps no more than six connections to a server, and people open many tabs.
 */
class Stream {
  constructor(url, { onopen, onmessage, onlost }) {
    Object.assign(this, { url, onopen, onmessage, onlost, failures: 0 });
    this.look = () => {
      clearTimeout(this.hiding);
      if (document.hidden) this.hiding = setTimeout(() => this.hangUp(), HIDDEN_MS);
      else if (this.source === null) this.connect();
    };
    document.addEventListener("visibilitychange", this.look);
    this.connect();
  }

  get isOpen() {
    return this.source?.readyState === EventSource.OPEN;
  }

  connect() {
    this.source = new EventSource(this.url);
    this.source.onopen = () => {
      this.failures = 0;
      this.onopen();
    };
    for (const event of ["sweep", "sweeps", "gone"])
      this.source.addEventListener(event, (message) => this.onmessage(event, JSON.parse(message.data || "null")));
    this.source.onerror = () => {
      this.onlost();
      // The browser tries again by itself after a broken connection, but never after an answer like 503.
      if (this.source.readyState !== EventSource.CLOSED) return;
      this.timer = setTimeout(() => this.connect(), RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)]);
    };
  }

  hangUp() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  close() {
    clearTimeout(this.hiding);
    document.removeEventListener("visibilitychange", this.look);
    this.hangUp();
  }
}

/** State that several components look at, alive from the first to a little after the last of them. */
class Shared {
  constructor(state) {
    this.state = { ...state, connection: "connecting", lostAt: null, error: null };
    this.listeners = new Set();
  }

  set(changes) {
    const state = { ...this.state, ...changes };
    this.state = { ...state, lostAt: state.connection === "lost" ? state.lostAt ?? Date.now() / 1000 : null };
    for (const listener of this.listeners) listener(this.state);
  }

  subscribe(listener) {
    clearTimeout(this.lingering);
    if (this.listeners.size === 0 && !this.stream) this.open();
    this.listeners.add(listener);
    listener(this.state);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.lingering = setTimeout(() => this.shut(), LINGER_MS);
    };
  }

  shut() {
    this.stream.close();
    this.stream = null; // who drew this state and subscribes only now opens it again
    this.onshut();
  }
}

class LiveSweep extends Shared {
  constructor(name) {
    super({ sweep: null, trials: null });
    this.name = name;
  }

  open() {
    this.waiting = null; // messages that came while the whole table is being read
    this.wasOpen = false;
    this.isUnsure = true; // what ended after the first reading and before the stream's first message is in neither
    this.stream = new Stream(sweepUrl(this.name, "stream"), {
      onopen: () => {
        if (this.wasOpen || this.state.error) this.load();
        this.wasOpen = true;
      },
      onmessage: (event, data) => this.take(event, data),
      onlost: () => {
        if (this.state.connection === "gone") return;
        this.set({ connection: "lost" });
        if (this.state.sweep) this.refresh(); // an EventSource does not tell why it broke
      },
    });
    this.load();
  }

  /** Reads everything: at first, and after each break, in which trials may have ended that no message will name. */
  async load() {
    if (this.waiting) return;
    this.waiting = [];
    this.loadedAt = Date.now();
    try {
      const [sweep, rows] = await Promise.all([get(sweepUrl(this.name)), get(sweepUrl(this.name, "trials"))]);
      const trials = mergeTrials(emptyTrials(), rows);
      const connection = this.stream?.isOpen ? "live" : this.wasOpen ? "lost" : "connecting";
      this.set({ sweep: seen(sweep), trials, error: null, connection });
    } catch (error) {
      this.set({ error });
      if (error.status === 404) this.leave();
    }
    const waiting = this.waiting;
    this.waiting = null;
    for (const message of waiting) this.take(...message);
  }

  take(event, data) {
    if (this.waiting) {
      this.waiting.push([event, data]);
    } else if (event === "gone") {
      this.set({ error: new ApiError(404, { message: `the sweep “${this.name}” was removed` }) });
      this.leave();
    } else if (event === "sweep" && this.state.sweep) {
      const old = this.state.sweep;
      const known = new Set(old.notes.map((note) => note.seq));
      const notes = [...old.notes, ...(data.notes ?? []).filter((note) => !known.has(note.seq))];
      const sweep = seen({ ...old, ...data.sweep, limits: data.limits ?? old.limits, notes });
      this.set({ sweep, trials: mergeTrials(this.state.trials, data.trials), connection: "live", error: null });
      if (this.isUnsure) {
        this.isUnsure = false;
        if (this.state.trials.phase.filter(isOver).length !== sweep.done) this.load();
      }
      const hasEnded = isOver(sweep.phase) && !isOver(old.phase);
      if (hasEnded || Date.now() - this.loadedAt > REFRESH_MS) this.refresh();
    }
  }

  async refresh() {
    this.loadedAt = Date.now();
    try {
      const sweep = await get(sweepUrl(this.name));
      this.set({ sweep: seen({ ...sweep, notes: longer(sweep.notes, this.state.sweep.notes) }), error: null });
    } catch (error) {
      if (this.state.connection === "lost") this.set({ error }); // else the next message may still come
      if (error.status === 404) this.leave();
    }
  }

  leave() {
    this.set({ connection: "gone" });
    this.stream?.close();
  }

  onshut() {
    sweeps.delete(this.name);
  }
}

class LiveList extends Shared {
  constructor() {
    super({ sweeps: null, workspace: "", unreadable: [] });
  }

  open() {
    this.stream = new Stream("/api/stream", {
      onopen: () => {}, // the first message holds the whole list
      onmessage: (event, data) => this.take(event, data),
      onlost: () => {
        this.set({ connection: "lost" });
        this.load(); // which hears why
      },
    });
    this.load();
  }

  async load() {
    try {
      const { sweeps: list, workspace, unreadable } = await get("/api/sweeps");
      this.set({ sweeps: list.map(seen), workspace, unreadable, error: null });
    } catch (error) {
      this.set({ error });
    }
  }

  take(event, data) {
    const list = this.state.sweeps;
    if (event === "sweeps") this.set({ ...data, sweeps: data.sweeps.map(seen), connection: "live", error: null });
    else if (!list) return;
    else if (event === "gone") this.set({ sweeps: list.filter((one) => one.name !== data.name) });
    else if (event === "sweep") {
      const sweep = seen(data.sweep);
      const isKnown = list.some((one) => one.name === sweep.name);
      this.set({
        sweeps: isKnown ? list.map((one) => (one.name === sweep.name ? sweep : one)) : [sweep, ...list],
        connection: "live",
      });
    }
  }

  onshut() {
    theList = null;
  }
}

/** When the browser heard of it: what goes on by the clock is counted from there, whatever the server's clock says. */
function seen(sweep) {
  return { ...sweep, seen_at: Date.now() / 1000 };
}

function longer(a, b) {
  return a.length >= b.length ? a : b;
}

const sweeps = new Map();
let theList = null;

/**
 * A sweep that follows its stream: `{sweep: Overview|null, trials: table|null, connection, lostAt, error}`.
 * `connection` is connecting, live, lost (trying again, since `lostAt`) or gone (there is no such sweep). `sweep.seen_at`
 * is when the browser heard of what it shows.
 */
export function useSweep(name) {
  if (!sweeps.has(name)) sweeps.set(name, new LiveSweep(name));
  return useShared(sweeps.get(name));
}

/** The list of sweeps: `{sweeps: [Summary]|null, workspace, unreadable, connection, lostAt, error}`. */
export function useSweeps() {
  theList ??= new LiveList();
  return useShared(theList);
}

function useShared(shared) {
  const [, redraw] = useState(null);
  useEffect(() => shared.subscribe(redraw), [shared]);
  return shared.state;
}
