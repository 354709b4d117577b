import { html, useMemo, useState } from "preact";
import { Rungs } from "studio/charts/index.js";
import { sweepUrl } from "studio/lib/api.js";
import { toggled, useNumbers, useSlowly } from "studio/lib/choices.js";
import { useLoad } from "studio/lib/load.js";
import { Empty, Panel, Problem, Waiting } from "studio/parts/boxes.js";
import { Chart } from "studio/parts/chart.js";
import { PickedTrials } from "studio/parts/picked.js";

/** How brackets fill up: who came to each rung, who went on. */
export default function RungsPage({ sweep, trials, query }) {
  const [picked, setPicked] = useNumbers(query, "picked");
  const [hovered, setHovered] = useState(null);
  const every = useSlowly(trials, 2000);
  const { data, error, reload } = useLoad(sweepUrl(sweep.name, "rungs"), { every });
  const pickedText = [...picked].join(",");
  const model = useMemo(() => data && { sweep, trials, rungs: data, selected: picked.size ? picked : null, hovered }, [sweep, trials, data, pickedText, hovered]);
  if (error && !data) return html`<${Problem} error=${error} retry=${reload} />`;
  if (!data) return html`<${Waiting} height=${320} label="Loading the rungs" />`;
  if (data.brackets.length === 0)
    return html`<${Empty} title="No rungs here"><p>Every trial of this sweep runs to its end, or until its policy stops it. A scheduler like Hyperband compares trials at rungs.</p><//>`;
  return html`
    <${Problem} error=${error} retry=${reload} />
    <div class="panel">
      <${Chart} of=${Rungs} model=${model} height=${rungsHeight(data)} onhover=${({ trial }) => setHovered(trial)} onselect=${({ trial }) => trial !== null && setPicked(toggled(picked, trial))} />
      <p class="hint">A cell is a trial at the rung, best first; click it to pick the trial.</p>
    </div>
    <${PickedTrials} sweep=${sweep} trials=${trials} numbers=${picked} title="Picked" onremove=${(one) => setPicked(toggled(picked, one))} onclear=${() => setPicked([])} onhover=${setHovered} />
    <${Panel} title="In numbers">
      <div class="scroll-x" tabindex="0" role="region" aria-label="Rungs, table">
        <table class="plain">
          <thead><tr><th scope="col">Bracket</th><th scope="col" class="right">${data.unit}</th><th scope="col" class="right">Trials</th><th scope="col" class="right">Planned</th><th scope="col" class="right">Promoted</th><th scope="col" class="right">Out</th></tr></thead>
          <tbody>
            ${data.brackets.flatMap((bracket) => bracket.rungs.map((rung) => html`
              <tr key=${`${bracket.name} ${rung.resource}`}>
                <th scope="row">${bracket.name}</th><td class="right">${rung.resource}</td><td class="right">${rung.trials.length}</td>
                <td class="right">${rung.planned ?? "–"}</td><td class="right">${count(rung, "promoted")}</td><td class="right">${count(rung, "out")}</td>
              </tr>`))}
          </tbody>
        </table>
      </div>
    <//>
  `;
}

function count(rung, state) {
  return rung.trials.filter((one) => one.state === state).length;
}

function rungsHeight({ brackets }) {
  const most = Math.max(...brackets.map(({ rungs }) => rungs.length));
  return Math.min(720, 130 + 56 * most);
}
