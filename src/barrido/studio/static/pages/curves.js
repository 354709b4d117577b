import { html, useMemo, useState } from "preact";
import { Curves } from "studio/charts/index.js";
import { sweepUrl } from "studio/lib/api.js";
import { linesOf, ranked, toggled, useChoice, useFlag, useNumbers, useSlowly } from "studio/lib/choices.js";
import { counted } from "studio/lib/formats.js";
import { loadEarly, useLoad } from "studio/lib/load.js";
import { Empty, Problem, Waiting } from "studio/parts/boxes.js";
import { Chart } from "studio/parts/chart.js";
import { PickedTrials } from "studio/parts/picked.js";
import { Check, Controls, Pick, Slider } from "studio/parts/pickers.js";

const SHOWN = [
  { value: "all", label: "all trials" },
  { value: "50", label: "the best 50" },
  { value: "20", label: "the best 20" },
  { value: "picked", label: "only those picked" },
];

export function preload({ name, query }) {
  loadEarly(sweepUrl(name, "curves"), { metric: query.get("metric") ?? undefined });
}

/** How a metric went, step by step: a line for each trial. */
export default function CurvesPage({ sweep, trials, query }) {
  const [metric, setMetric] = useChoice(query, "metric", sweep.metric);
  const [shown, setShown] = useChoice(query, "show", "all");
  const [smooth, setSmooth] = useChoice(query, "smooth", "0");
  const [logX, setLogX] = useFlag(query, "logx");
  const [logY, setLogY] = useFlag(query, "logy");
  const [picked, setPicked] = useNumbers(query, "picked");
  const [hovered, setHovered] = useState(null);
  const every = useSlowly(trials, trials.number.length > 2000 ? 15000 : 3000);
  const { data, error, reload } = useLoad(sweepUrl(sweep.name, "curves"), { query: { metric: metric === sweep.metric ? undefined : metric }, every });

  const pickedText = [...picked].join(",");
  const model = useMemo(() => {
    if (!data) return null;
    const best = shown === "20" || shown === "50" ? new Set(ranked(trials, sweep.goal).slice(0, Number(shown))) : null;
    const curves = best ? linesOf(data, (one) => best.has(one)) : shown === "picked" ? linesOf(data, (one) => picked.has(one)) : data;
    return { sweep, trials, curves, logX, logY, smoothing: Number(smooth), selected: picked.size ? picked : null, hovered };
  }, [data, sweep, trials, shown, logX, logY, smooth, pickedText, hovered]);

  const metrics = [...new Set([sweep.metric, ...sweep.metrics].filter(Boolean))];
  const lines = model?.curves.trials.trial.length ?? 0;
  return html`
    <${Controls} label="What the curves show">
      <${Pick} label="Metric" value=${metric} options=${metrics} onchange=${setMetric} />
      <${Pick} label="Show" value=${shown} options=${SHOWN} onchange=${setShown} />
      <${Slider} label="Smoothing" value=${Number(smooth)} onchange=${(value) => setSmooth(String(value))} />
      <${Check} label="log steps" value=${logX} onchange=${setLogX} />
      <${Check} label="log values" value=${logY} onchange=${setLogY} />
    <//>
    <${Problem} error=${error} retry=${reload} />
    ${!data && !error && html`<${Waiting} height=${420} label="Loading the curves" />`}
    ${model && lines === 0 && html`
      <${Empty} title=${shown === "picked" ? "No trial is picked" : `No trial has reported ${metric} yet`}>
        ${shown === "picked" && html`<p>Show all trials, and click the lines you want to keep.</p>`}
      <//>`}
    ${model && lines > 0 && html`
      <div class="panel">
        <${Chart} of=${Curves} model=${model} height=${440}
          onselect=${({ trial }) => trial !== null && setPicked(toggled(picked, trial))} onhover=${({ trial }) => setHovered(trial)} />
        <p class="hint">${counted(lines, "trial")}. Click a line to pick its trial.${data.is_thinned ? " Long curves are thinned: each keeps its first, last and best points." : ""}</p>
      </div>`}
    <${PickedTrials} sweep=${sweep} trials=${trials} numbers=${picked} title="Picked" onremove=${(one) => setPicked(toggled(picked, one))} onclear=${() => setPicked([])} onhover=${setHovered} />
  `;
}
