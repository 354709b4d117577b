import { html, useState } from "preact";
import { ago, time } from "studio/lib/formats.js";
import { Panel } from "studio/parts/boxes.js";
import { TrialLink } from "studio/parts/links.js";

const SHOWN = 8;

/** What the sweep had to say: notices from its start, notes since, newest first. */
export function Happenings({ sweep, now }) {
  const [isAll, setAll] = useState(false);
  const { notes } = sweep;
  const told = new Set(notes.map(({ text }) => text));
  const notices = sweep.notices.filter((text) => !told.has(text)); // most are kept as notes, too
  if (notices.length + notes.length === 0) return null;
  const newest = notes.toReversed();
  return html`
    <${Panel} title="Notes">
      ${notices.length > 0 && html`<ul class="notices">${notices.map((text) => html`<li>${text}</li>`)}</ul>`}
      ${notes.length > 0 && html`
        <ol class="happenings" aria-live="off">
          ${(isAll ? newest : newest.slice(0, SHOWN)).map(({ seq, at, trial, text }) => html`
            <li key=${seq}><time title=${time(at)}>${ago(at, now)}</time><span>${text}${trial !== null && trial !== undefined && html` <${TrialLink} sweep=${sweep.name} number=${trial} />`}</span></li>`)}
        </ol>`}
      ${notes.length > SHOWN && html`<button type="button" class="small quiet" onClick=${() => setAll(!isAll)}>${isAll ? "Fewer" : `All ${notes.length}`}</button>`}
    <//>
  `;
}
