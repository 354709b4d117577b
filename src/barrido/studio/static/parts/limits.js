import { html, useId, useState } from "preact";
import { counted, duration } from "studio/lib/formats.js";
import { WishDialog } from "studio/parts/wish.js";

const LIMITS = [
  { name: "max_total_trials", label: "Trials in all", least: 1, isWhole: true, about: (sweep) => `${counted(sweep.done, "trial")} done so far` },
  { name: "max_concurrent_trials", label: "Trials at a time", least: 1, isWhole: true, about: () => "each runs as a process of its own" },
  { name: "timeout", label: "Seconds for the whole sweep", about: (sweep) => `${duration(sweep.elapsed_s)} so far; empty: no limit` },
  { name: "trial_timeout", label: "Seconds for each trial", about: () => "empty: no limit" },
  { name: "max_retries", label: "Retries of a failed trial", least: 0, isWhole: true, about: () => "how often a trial that fails is run again" },
  { name: "retry_backoff", label: "Seconds before the first retry", least: 0, isNeeded: true, about: () => "they double each time" },
];

/** The limits that can change while a sweep runs; `send(changes)` gets those that did. */
export function LimitsDialog({ sweep, send, onclose }) {
  const id = useId();
  const [texts, setTexts] = useState(() => Object.fromEntries(LIMITS.map(({ name }) => [name, String(sweep.limits[name] ?? "")])));
  const read = LIMITS.map((limit) => ({ ...limit, ...valueOf(limit, texts[limit.name]) }));
  const changes = Object.fromEntries(read.filter(({ name, value, wrong }) => !wrong && value !== (sweep.limits[name] ?? null)).map(({ name, value }) => [name, value]));
  const isReady = !read.some(({ wrong }) => wrong) && Object.keys(changes).length > 0;
  return html`
    <${WishDialog} title=${`Limits of ${sweep.name}`} verb="Set limits" onclose=${onclose} send=${() => send(changes)} isReady=${isReady}>
      ${read.map(({ name, label, about, isWhole, wrong }, i) => html`
        <div class="field">
          <label for=${`${id}-${name}`}>${label}</label>
          <input id=${`${id}-${name}`} autofocus=${i === 0} inputmode=${isWhole ? "numeric" : "decimal"} autocomplete="off" value=${texts[name]}
            aria-invalid=${Boolean(wrong)} aria-describedby=${`${id}-${name}-about`} onInput=${(event) => setTexts({ ...texts, [name]: event.target.value })} />
          <small id=${`${id}-${name}-about`} class=${wrong ? "wrong" : "hint"}>${wrong || about(sweep)}</small>
        </div>`)}
    <//>
  `;
}

function valueOf({ isWhole, isNeeded = isWhole, least }, text) {
  if (text.trim() === "") return { value: null, wrong: isNeeded ? `needs a ${isWhole ? "whole " : ""}number` : "" };
  const value = Number(text);
  if (!Number.isFinite(value) || (isWhole && !Number.isInteger(value))) return { value, wrong: `needs a ${isWhole ? "whole " : ""}number` };
  if (least === undefined) return { value, wrong: value <= 0 ? "must be above 0" : "" };
  return { value, wrong: value < least ? `must be at least ${least}` : "" };
}

/** `trials in all 40, trials at a time 4` */
export function limitsWords(changes) {
  return LIMITS.filter(({ name }) => name in changes)
    .map(({ name, label }) => `${label.toLowerCase()} ${changes[name] ?? "without a limit"}`)
    .join(", ");
}
