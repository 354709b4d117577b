/** The bars of a timeline in lanes: a lane a slot, and below them as many as waiting trials need that wait at once. */
import { bisector } from "d3";

const byFrom = bisector(({ from }) => from);
const WAIT_SHARE = 0.3;

/**
 * The bars {id, trial, from, to, isOpen, kind, end, lane} of the columns of an answer, in seconds since its start; `now` is where
 * those end that have not ended. `id` stays the same when news come.
 */
export function readLanes({ slots, start, bars }, now) {
  const all = bars.trial.map((trial, place) => {
    const isOpen = bars.to[place] === null;
    const from = bars.from[place] - start;
    const to = Math.max(from, (isOpen ? now : bars.to[place]) - start);
    return { id: `${trial} ${bars.kind[place]} ${bars.from[place]}`, trial, from, to, isOpen, kind: bars.kind[place], end: bars.end[place], slot: bars.slot[place] };
  });
  const [runs, waits] = [all.filter(({ kind }) => kind !== "wait"), all.filter(({ kind }) => kind === "wait")];
  const count = runs.reduce((most, { slot }) => Math.max(most, (slot ?? 0) + 1), slots || 1);
  const lanes = Array.from({ length: count }, (_, slot) => ({ slot, bars: [] }));
  for (const bar of runs) lanes[bar.slot ?? 0].bars.push(bar);
  const pools = pack(waits).map((row) => ({ slot: null, bars: row }));
  for (const [place, lane] of [...lanes, ...pools].entries()) {
    lane.bars.sort((a, b) => a.from - b.from);
    for (const bar of lane.bars) bar.lane = place;
  }
  return new Lanes(lanes, pools, all);
}

/** As few rows as it takes for bars that overlap to lie below one another. */
function pack(bars) {
  const rows = [];
  const ends = [];
  for (const bar of [...bars].sort((a, b) => a.from - b.from)) {
    let place = ends.findIndex((end) => end <= bar.from);
    if (place < 0) place = rows.push([]) - 1;
    rows[place].push(bar);
    ends[place] = bar.to;
  }
  return rows;
}

/** Also what a Cursor expects of marks, the marks being bars; they may lie outside of what is shown. */
class Lanes {
  constructor(slots, waits, bars) {
    this.slots = slots;
    this.waits = waits;
    this.all = [...slots, ...waits];
    this.byId = new Map(bars.map((bar) => [bar.id, bar]));
    this.bars = bars;
    this.last = bars.reduce((last, { to }) => Math.max(last, to), 0);
  }

  /** Bars that run, or wait, still are as long as it is late. */
  grow(now) {
    for (const bar of this.bars) if (bar.isOpen) bar.to = Math.max(bar.from, now);
    this.last = this.bars.reduce((last, { to }) => Math.max(last, to), 0);
  }

  /** Gives each lane its top and height between `top` and `bottom`; `x` maps seconds to pixels. */
  place(x, top, bottom) {
    this.x = x;
    const room = bottom - top;
    const waiting = this.waits.length ? Math.min(room * WAIT_SHARE, Math.max(14, this.waits.length * 7)) : 0;
    const gap = waiting ? 10 : 0;
    const pitch = Math.min(46, (room - waiting - gap) / this.slots.length);
    this.slots.forEach((lane, place) => Object.assign(lane, { top: top + place * pitch, height: pitch }));
    this.waitTop = top + this.slots.length * pitch + gap;
    const thin = waiting / Math.max(1, this.waits.length);
    this.waits.forEach((lane, place) => Object.assign(lane, { top: this.waitTop + place * thin, height: thin }));
    this.bottom = this.waitTop + waiting - (waiting ? 0 : gap);
  }

  nearest(px, py, reach = 5) {
    const lane = this.all.find(({ top, height }) => py >= top && py < top + height);
    if (!lane) return null;
    const at = this.x.invert(px);
    const after = byFrom.right(lane.bars, at);
    let found = null;
    let least = reach;
    for (const bar of lane.bars.slice(Math.max(0, after - 2), after + 1)) {
      const away = Math.max(0, this.x.map(bar.from) - px, px - this.x.map(bar.to));
      if (away <= least) [found, least] = [bar, away];
    }
    this.spot = found && { id: found.id, x: px, y: py };
    return this.spot;
  }

  find(id) {
    const bar = this.byId.get(id);
    if (!bar || !this.x) return null;
    if (this.spot?.id === id) return this.spot;
    const { top, height } = this.all[bar.lane];
    return { id, x: (this.x.map(bar.from) + this.x.map(bar.to)) / 2, y: top + height / 2 };
  }

  step(id, by, along = "x") {
    const bar = this.byId.get(id);
    const filled = this.all.filter(({ bars }) => bars.length);
    this.spot = null;
    if (!bar) return filled.length ? this.find(by > 0 ? filled[0].bars[0].id : filled.at(-1).bars.at(-1).id) : null;
    const { bars } = this.all[bar.lane];
    const lane = filled.indexOf(this.all[bar.lane]);
    if (along === "x") {
      const next = bars[bars.indexOf(bar) + by] ?? filled[lane + by]?.bars.at(by > 0 ? 0 : -1);
      return this.find((next ?? bar).id);
    }
    const other = filled[lane + by]?.bars;
    if (!other) return this.find(id);
    const place = byFrom.center(other, bar.from);
    return this.find(other[place].id);
  }
}
