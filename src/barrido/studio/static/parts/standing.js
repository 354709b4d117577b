import { html, useState } from "preact";
import { post, sweepUrl } from "studio/lib/api.js";
import { ago } from "studio/lib/formats.js";
import { trialHref } from "studio/lib/routes.js";
import { Note } from "studio/parts/boxes.js";
import { toast, toastError } from "studio/parts/toast.js";

/** Where a sweep stands, if that needs a word: why it ended, and what to do if it broke. */
export function Standing({ sweep, trials }) {
  if (sweep.status === "NotResponding") return html`<${Interrupted} sweep=${sweep} />`;
  if (sweep.phase === "paused") return html`<${Note} tone="warn">Paused: what runs goes on, nothing new starts until it is unpaused.${sweep.reason && ` ${sweep.reason}`}<//>`;
  const first = firstFailure(trials);
  if (sweep.phase === "failed")
    return html`
      <${Note} tone="bad">
        <p class="box-title">The sweep failed</p>
        <p class="said">${sweep.reason && sentence(sweep.reason)}</p>
        ${first !== null && html`<p><a href=${trialHref(sweep.name, first, { tab: "log" })}>Log of trial ${first}</a>, the first that failed</p>`}
      <//>`;
  if (sweep.ended_at && sweep.reason) return html`<${Note} tone=${sweep.phase === "completed" ? "good" : "warn"}><span class="said">${sentence(sweep.reason)}</span> <span class="muted">${ago(sweep.ended_at)}</span><//>`;
  if (first !== null && sweep.is_running && sweep.counts.failed >= Math.max(2, sweep.done / 3))
    return html`<${Note} tone="warn">${sweep.counts.failed} of ${sweep.done} trials failed: <a href=${trialHref(sweep.name, first, { tab: "log" })}>log of trial ${first}</a>, the first of them.<//>`;
  return null;
}

function Interrupted({ sweep }) {
  const [isBusy, setBusy] = useState(false);
  const resume = async () => {
    setBusy(true);
    try {
      await post(sweepUrl(sweep.name, "resume"));
      toast("Asked to resume; what is known of its trials is read again");
    } catch (error) {
      toastError(error);
    }
    setBusy(false);
  };
  return html`
    <${Note} tone="bad">
      <p class="box-title">Nobody runs this sweep any more</p>
      <p>Its controller ended without finishing it: the machine was restarted, or its process was killed. Nothing that trials reported is lost, and trials that still run are taken up again.</p>
      <p><button type="button" class="primary" disabled=${isBusy} onClick=${resume}>Resume</button> <span class="hint">or in a terminal: <code>barrido job resume ${sweep.name}</code></span></p>
    <//>
  `;
}

function firstFailure(trials) {
  const row = trials.phase?.indexOf("failed") ?? -1;
  return row < 0 ? null : trials.number[row];
}

function sentence(text) {
  const whole = text[0].toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
