import { html, useMemo, useState } from "preact";
import { Parallel } from "studio/charts/index.js";
import { toggled, useChoice, useNumbers } from "studio/lib/choices.js";
import { spansDecades } from "studio/lib/trials.js";
import { Empty } from "studio/parts/boxes.js";
import { Chart } from "studio/parts/chart.js";
import { PickedTrials } from "studio/parts/picked.js";
import { Check, Controls } from "studio/parts/pickers.js";

/** All parameters and the value side by side: brush ranges, see which trials run through all of them. */
export default function ParallelPage({ sweep, trials, query }) {
  const [logText, setLogText] = useChoice(query, "logv", spansDecades(trials.value) ? "1" : "0");
  const logValue = logText === "1";
  const [picked, setPicked] = useNumbers(query, "picked");
  const [brushed, setBrushed] = useState(null);
  const [hovered, setHovered] = useState(null);
  const pickedText = [...picked].join(",");
  const model = useMemo(
    () => ({ sweep, trials, logValue, selected: picked.size ? picked : null, hovered }),
    [sweep, trials, logValue, pickedText, hovered],
  );
  if (trials.number.length === 0) return html`<${Empty} title="No trial yet" />`;
  const listed = brushed ?? picked;
  return html`
    <${Controls} label="What the axes show">
      <${Check} label=${`log ${sweep.metric ?? "value"}`} value=${logValue} onchange=${(isOn) => setLogText(isOn ? "1" : "0")} />
    <//>
    <div class="panel">
      <${Chart} of=${Parallel} model=${model} height=${440} onbrush=${({ trials: numbers }) => setBrushed(numbers)} onhover=${({ trial }) => setHovered(trial)}
        onselect=${({ trial }) => trial !== null && setPicked(toggled(picked, trial))} />
      <p class="hint">Drag along an axis to keep a range, drag its name to move it, double click its name to turn it round.</p>
    </div>
    ${brushed && brushed.length === 0 && html`<p role="status">No trial runs through all the ranges.</p>`}
    <${PickedTrials} sweep=${sweep} trials=${trials} numbers=${listed} title=${brushed ? "In the ranges" : "Picked"} onhover=${setHovered}
      onremove=${brushed ? null : (one) => setPicked(toggled(picked, one))} onclear=${brushed ? null : () => setPicked([])} />
  `;
}
