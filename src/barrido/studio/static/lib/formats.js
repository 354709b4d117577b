// Numbers, times and values in words, the same words as in the terminal. Values in, text out.

export const NOTHING = "–";

/** A number of the API: JSON has no word for NaN and the infinities, they come as text. null stays NaN. */
export function numeric(value) {
  if (typeof value === "number") return value;
  return value === "Infinity" ? Infinity : value === "-Infinity" ? -Infinity : NaN;
}

/** Six digits that say something, like C's %.6g. */
export function number(value, digits = 6) {
  if (value === null || value === undefined || value === "") return NOTHING;
  const x = numeric(value);
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e-4 && size < 10 ** Math.max(digits, 6)) return String(Number(x.toPrecision(digits)));
  return x.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
}

/** A parameter's value: nested choices as JSON, never cut. */
export function valueText(value) {
  if (value === null || value === undefined) return NOTHING;
  if (typeof value === "number") return number(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function percent(share) {
  if (share === null || share === undefined || Number.isNaN(share)) return NOTHING;
  const hundredths = share * 100;
  return `${hundredths >= 10 || hundredths === 0 ? Math.round(hundredths) : Number(hundredths.toPrecision(2))} %`;
}

export function whole(count) {
  return count.toLocaleString("en");
}

/** `counted(1, "trial")`, `counted(1200, "trial")`: 1 trial, 1,200 trials. */
export function counted(count, noun, plural = `${noun}s`) {
  return `${whole(count)} ${count === 1 ? noun : plural}`;
}

/** `0.4s 7.2s 1m 15s 1h 00m 2d 07h`. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return NOTHING;
  const s = Math.max(0, seconds);
  if (s < 10) return `${Number(s.toFixed(1))}s`;
  const all = Math.floor(s);
  const two = (n) => String(n).padStart(2, "0");
  if (all < 60) return `${all}s`;
  if (all < 3600) return `${Math.floor(all / 60)}m ${two(all % 60)}s`;
  if (all < 86400) return `${Math.floor(all / 3600)}h ${two(Math.floor((all % 3600) / 60))}m`;
  return `${Math.floor(all / 86400)}d ${two(Math.floor((all % 86400) / 3600))}h`;
}

/** A point in time as people of this browser's language write it. */
export function time(at) {
  if (at === null || at === undefined) return NOTHING;
  const date = new Date(at * 1000);
  const isToday = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], isToday ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" });
}

/** `just now`, `12s ago`, `3h ago`; beyond a week the date. `now`: seconds since the epoch. */
export function ago(at, now = Date.now() / 1000) {
  if (at === null || at === undefined) return NOTHING;
  const s = now - at;
  if (s < 3) return "just now";
  if (s < 60) return `${Math.floor(s)}s ago`;
  if (s < 3600) return `${Math.floor(s / 60)}m ago`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ago`;
  if (s < 7 * 86400) return `${Math.floor(s / 86400)}d ago`;
  return new Date(at * 1000).toLocaleDateString([], { dateStyle: "medium" });
}

export function bytes(count) {
  if (count === null || count === undefined) return NOTHING;
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let power = 0;
  while (count >= 1024 && power < units.length - 1) {
    count /= 1024;
    power += 1;
  }
  return `${power ? number(count, 3) : count} ${units[power]}`;
}

/** `lr=0.01 solver=adam` */
export function paramsText(params) {
  return Object.entries(params).map(([name, value]) => `${name}=${valueText(value)}`).join(" ");
}

/** What a sampler's model expected of a trial: `0.91 ± 0.02`. */
export function expectedText(expected) {
  return expected ? `${number(expected.mean)} ± ${number(expected.spread, 2)}` : "";
}

/** At which resource a trial was compared last, and to which it is on its way: `3→9`. */
export function rungText(rungs, until) {
  const resources = Object.keys(rungs ?? {}).map(Number);
  const last = resources.length ? String(Math.max(...resources)) : "";
  return until === null || until === undefined ? last : `${last}→${until}`;
}

const PHASES = {
  queued: ["To be run again", "wait"],
  launching: ["Starting", "run"],
  running: ["Running", "run"],
  pausing: ["Pausing", "wait"],
  paused: ["Paused", "wait"],
  stopping: ["Stopping", "stop"],
  completed: ["Completed", "good"],
  pruned: ["Stopped early", "stop"],
  failed: ["Failed", "bad"],
  canceled: ["Canceled", "warn"],
};

const FAILURES = {
  exit_code: "exit code",
  signal: "killed by a signal",
  out_of_memory: "out of memory",
  timeout: "ran too long",
  lost: "lost with its machine",
  no_launch: "could not be started",
};

/** How a trial failed, or its latest attempt; empty if it did not. */
export function failureWord(failure) {
  return failure ? FAILURES[failure] ?? failure : "";
}

/** A trial's phase for people. Azure's word is the same for trials that a policy and that a person stopped. */
export function phaseWord(phase) {
  return PHASES[phase]?.[0] ?? phase;
}

/** One of run, wait, stop, good, warn, bad: which colour and which mark a phase gets. */
export function phaseTone(phase) {
  return PHASES[phase]?.[1] ?? "wait";
}

const SWEEP_STATUS = {
  NotStarted: ["Not started", "wait"],
  Running: ["Running", "run"],
  Paused: ["Paused", "wait"],
  Finalizing: ["Finishing", "run"],
  CancelRequested: ["Canceling", "warn"],
  Completed: ["Completed", "good"],
  Failed: ["Failed", "bad"],
  Canceled: ["Canceled", "warn"],
  NotResponding: ["Not responding", "bad"],
};

export function sweepWord(status) {
  return SWEEP_STATUS[status]?.[0] ?? status;
}

export function sweepTone(status) {
  return SWEEP_STATUS[status]?.[1] ?? "wait";
}
