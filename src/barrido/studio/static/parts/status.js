import { html } from "preact";
import { phaseTone, phaseWord, sweepTone, sweepWord } from "studio/lib/formats.js";

/** A trial's phase as a mark and a word; colour is never the only sign. */
export function TrialStatus({ phase, status }) {
  return html`<span class=${`status tone-${phaseTone(phase)}`} title=${status ?? ""}><i aria-hidden="true"></i>${phaseWord(phase)}</span>`;
}

export function SweepStatus({ status }) {
  return html`<span class=${`status badge tone-${sweepTone(status)}`}><i aria-hidden="true"></i>${sweepWord(status)}</span>`;
}

const SEGMENTS = [
  ["good", "completed", ["completed"]],
  ["stop", "stopped early", ["pruned"]],
  ["warn", "canceled", ["canceled"]],
  ["bad", "failed", ["failed"]],
  ["run", "running", ["launching", "running", "pausing", "stopping"]],
  ["wait", "paused", ["paused"]],
];

/** `[{tone, word, count}]` of a sweep's counts by phase, those that are not zero. */
export function segmentsOf(counts) {
  return SEGMENTS.map(([tone, word, phases]) => ({ tone, word, count: phases.reduce((sum, one) => sum + (counts[one] ?? 0), 0) }))
    .filter(({ count }) => count > 0);
}

/** How far a sweep is: a segment for each kind of end, one for what runs. */
export function Progress({ counts, total, done }) {
  const segments = segmentsOf(counts);
  const all = Math.max(total ?? 0, segments.reduce((sum, one) => sum + one.count, 0), 1);
  const words = segments.map(({ count, word }) => `${count} ${word}`).join(", ");
  return html`
    <div class="progress" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax=${all} aria-valuenow=${done}
      aria-valuetext=${`${done} of ${all} done${words && `: ${words}`}`} title=${words}>
      ${segments.map(({ tone, count }) => html`<i key=${tone} class=${`tone-${tone}`} style=${{ width: `${(100 * count) / all}%` }}></i>`)}
    </div>
  `;
}

/** Whether what is shown is what is; `error`: why not, where that is known. */
export function Connection({ state, error }) {
  if (state === "live") return html`<span class="connection live" title="Changes show at once"><i aria-hidden="true"></i>live</span>`;
  if (state === "lost") return html`<span class="connection lost" role="status"><i aria-hidden="true"></i>${error ? [error.message, error.hint].filter(Boolean).join(": ") : "reconnecting…"}</span>`;
  return null;
}
