import { html, useState } from "preact";
import { counted, expectedText, number, valueText } from "studio/lib/formats.js";
import { trialAt } from "studio/lib/trials.js";
import { Panel } from "studio/parts/boxes.js";
import { CopyButton, TrialLink } from "studio/parts/links.js";

const SHOWN = 8;

/** The best trial: its value, what was expected of it, its parameters to copy. */
export function BestTrial({ sweep, trials }) {
  const [isAll, setAll] = useState(false);
  const { best, metric, goal } = sweep;
  if (!best) {
    const others = sweep.metrics.filter((one) => one !== metric);
    return html`
      <${Panel} title="Best trial">
        <p class="big muted">–</p>
        <p class="hint">No trial has reported ${metric} yet.${others.length > 0 && ` Reported so far: ${others.join(", ")}.`}</p>
      <//>`;
  }
  const trial = trialAt(trials, best.trial);
  const params = Object.entries(trial?.params ?? best.params); // by their full names; what is copied keeps its nesting
  const expected = expectedText(trial?.expected);
  return html`
    <${Panel} title="Best trial" aside=${html`<${CopyButton} label="Copy parameters" title="As JSON" text=${JSON.stringify(best.params, null, 2)} />`}>
      <p class="big"><span key=${best.value}>${number(best.value)}</span></p>
      <p class="hint">${metric}, ${goal === "maximize" ? "higher" : "lower"} is better · <${TrialLink} sweep=${sweep.name} number=${best.trial} />${expected && ` · the model expected ${expected}`}</p>
      <table class="plain params">
        <tbody>${(isAll ? params : params.slice(0, SHOWN)).map(([name, value]) => html`<tr key=${name}><th scope="row">${name}</th><td class="mono">${valueText(value)}</td></tr>`)}</tbody>
      </table>
      ${params.length > SHOWN && html`<button type="button" class="small quiet" onClick=${() => setAll(!isAll)}>${isAll ? "Fewer" : `All ${counted(params.length, "parameter")}`}</button>`}
    <//>
  `;
}
