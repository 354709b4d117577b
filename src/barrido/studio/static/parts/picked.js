import { html, useState } from "preact";
import { counted, number, paramsText } from "studio/lib/formats.js";
import { compareHref } from "studio/lib/routes.js";
import { isBetter, MOST_COMPARED, trialAt } from "studio/lib/trials.js";
import { TrialLink } from "studio/parts/links.js";
import { TrialStatus } from "studio/parts/status.js";

const FIRST = 12;

/** Trials by number, best first, with links; `onremove(number)` makes each one removable, `onclear` all of them. */
export function PickedTrials({ sweep, trials, numbers, title, onremove, onclear, onhover }) {
  const [showsAll, setShowsAll] = useState(false);
  const found = [...numbers].map((one) => trialAt(trials, one)).filter(Boolean);
  if (found.length === 0) return null;
  found.sort((a, b) => (isBetter(a.value, b.value, sweep.goal) ? -1 : isBetter(b.value, a.value, sweep.goal) ? 1 : a.number - b.number));
  const shown = showsAll ? found.slice(0, 500) : found.slice(0, FIRST);
  const compared = found.slice(0, MOST_COMPARED).map((trial) => trial.number);
  return html`
    <section class="picked" aria-label=${title}>
      <header>
        <h3>${title} <span class="hint">${counted(found.length, "trial")}</span></h3>
        <div class="row">
          ${found.length > 1 && html`<a class="button" href=${compareHref(sweep.name, compared)}>Compare ${found.length > MOST_COMPARED ? `the best ${MOST_COMPARED}` : "these"}</a>`}
          ${onclear && html`<button type="button" onClick=${onclear}>Clear</button>`}
        </div>
      </header>
      <div class="scroll-x" tabindex="0" role="region" aria-label=${`${title}, table`}>
        <table class="plain">
          <thead><tr><th scope="col">Trial</th><th scope="col">Status</th><th scope="col" class="right">${sweep.metric ?? "value"}</th><th scope="col">Parameters</th>${onremove && html`<th><span class="visually-hidden">Remove</span></th>`}</tr></thead>
          <tbody>
            ${shown.map((trial) => html`
              <tr key=${trial.number} onMouseEnter=${() => onhover?.(trial.number)} onMouseLeave=${() => onhover?.(null)}>
                <td><${TrialLink} sweep=${sweep.name} number=${trial.number} /></td>
                <td><${TrialStatus} phase=${trial.phase} status=${trial.status} /></td>
                <td class="right">${number(trial.value)}</td>
                <td class="params">${paramsText(trial.params)}</td>
                ${onremove && html`<td><button type="button" class="quiet icon small" aria-label=${`Take trial ${trial.number} out`} onClick=${() => onremove(trial.number)}>✕</button></td>`}
              </tr>`)}
          </tbody>
        </table>
      </div>
      ${found.length > shown.length && html`<p><button type="button" class="small" onClick=${() => setShowsAll(true)}>Show ${Math.min(found.length, 500)}</button></p>`}
    </section>
  `;
}
