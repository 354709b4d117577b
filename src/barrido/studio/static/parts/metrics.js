import { html, useMemo, useState } from "preact";
import { Curves } from "studio/charts/index.js";
import { sweepUrl } from "studio/lib/api.js";
import { counted, number } from "studio/lib/formats.js";
import { useLoad } from "studio/lib/load.js";
import { Panel, Problem } from "studio/parts/boxes.js";
import { Chart } from "studio/parts/chart.js";
import { Check } from "studio/parts/pickers.js";

const FIRST = 6;

/** How each metric of a trial went, the one that counts first. `metrics`: {name: {last, best, count}}. */
export function MetricCurves({ sweep, trials, trial, metrics, every }) {
  const [logY, setLogY] = useState(false);
  const [showsAll, setShowsAll] = useState(false);
  const names = Object.keys(metrics).sort((a, b) => (b === sweep.metric) - (a === sweep.metric) || a.localeCompare(b));
  if (names.length === 0) return null;
  const shown = showsAll ? names : names.slice(0, FIRST);
  return html`
    <${Panel} title="Metrics" aside=${html`<${Check} label="log values" value=${logY} onchange=${setLogY} />`}>
      <div class="small-multiples">
        ${shown.map((name) => html`<${OneMetric} key=${name} ...${{ sweep, trials, trial, name, logY, every }} facts=${metrics[name]} />`)}
      </div>
      ${names.length > shown.length && html`<button type="button" class="small" onClick=${() => setShowsAll(true)}>Show all ${names.length}</button>`}
    <//>
  `;
}

function OneMetric({ sweep, trials, trial, name, facts, logY, every }) {
  const isCurve = facts.count > 1;
  const { data, error } = useLoad(isCurve ? sweepUrl(sweep.name, "curves") : null, { query: { metric: name, trials: trial.number }, every });
  const model = useMemo(() => data && { sweep, trials, curves: data, logX: false, logY, smoothing: 0, selected: null, hovered: null }, [sweep, trials, data, logY]);
  const isPrimary = name === sweep.metric;
  return html`
    <figure>
      <figcaption>
        <code class=${isCurve ? "visually-hidden" : ""}>${name}</code>
        <span class="hint">${isCurve ? `last ${number(facts.last)}${isPrimary ? `, best ${number(facts.best)}` : ""}, ${counted(facts.count, "value")}` : number(facts.last)}</span>
      </figcaption>
      <${Problem} error=${error} />
      ${isCurve && html`<${Chart} of=${Curves} model=${model} height=${200} />`}
    </figure>
  `;
}
