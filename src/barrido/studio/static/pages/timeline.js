import { html, useMemo, useState } from "preact";
import { Timeline } from "studio/charts/index.js";
import { sweepUrl } from "studio/lib/api.js";
import { toggled, useNumbers, useSlowly } from "studio/lib/choices.js";
import { counted, duration, time } from "studio/lib/formats.js";
import { useLoad } from "studio/lib/load.js";
import { Empty, Note, Problem, Waiting } from "studio/parts/boxes.js";
import { Chart } from "studio/parts/chart.js";
import { PickedTrials } from "studio/parts/picked.js";

/** When each trial ran, and on which of the sweep's slots. */
export default function TimelinePage({ sweep, trials, lostAt, query }) {
  const [picked, setPicked] = useNumbers(query, "picked");
  const [hovered, setHovered] = useState(null);
  const every = useSlowly(trials, 2000);
  const { data, error, reload } = useLoad(sweepUrl(sweep.name, "timeline"), { every });
  const pickedText = [...picked].join(",");
  const stopped = data && stoppedAt(sweep, data, lostAt);
  const model = useMemo(() => data && { sweep, trials, timeline: data, selected: picked.size ? picked : null, hovered, now: stopped ?? undefined }, [sweep, trials, data, pickedText, hovered, stopped]);
  if (error && !data) return html`<${Problem} error=${error} retry=${reload} />`;
  if (!data) return html`<${Waiting} height=${320} label="Loading the timeline" />`;
  if (data.bars.trial.length === 0) return html`<${Empty} title="No trial has started yet" />`;
  const until = stopped ?? Date.now() / 1000;
  const isOrphan = data.end === null && !sweep.is_running;
  const height = Math.max(180, Math.min(720, 90 + 30 * data.slots));
  return html`
    <${Problem} error=${error} retry=${reload} />
    <p class="hint">${counted(data.slots, "slot")}, from ${time(data.start)}, ${duration(until - data.start)}${isOrphan ? " up to the last that is known" : data.end === null ? " so far" : ""}; busy ${busyPercent(data, until)} of the time. Click a bar to pick its trial.</p>
    ${isOrphan && html`<${Note} tone="warn">Nobody runs this sweep any more. Trials whose end is not on record are drawn up to the last that is known; they may have gone on.<//>`}
    <div class="panel">
      <${Chart} of=${Timeline} model=${model} height=${height} onhover=${({ trial }) => setHovered(trial)} onselect=${({ trial }) => trial !== null && setPicked(toggled(picked, trial))} />
    </div>
    <${PickedTrials} sweep=${sweep} trials=${trials} numbers=${picked} title="Picked" onremove=${(one) => setPicked(toggled(picked, one))} onclear=${() => setPicked([])} onhover=${setHovered} />
  `;
}

/** Where bars end that have no end yet, in seconds since the epoch; null if they go on with the clock. */
function stoppedAt(sweep, { start, end, bars }, lostAt) {
  if (end !== null || sweep.is_running) return end ?? lostAt;
  return bars.trial.reduce((last, _, i) => Math.max(last, bars.to[i] ?? bars.from[i]), start);
}

function busyPercent({ bars, slots, start }, until) {
  let busy = 0;
  for (let i = 0; i < bars.trial.length; i++) if (bars.kind[i] === "run") busy += (bars.to[i] ?? until) - bars.from[i];
  return `${Math.min(100, Math.round((100 * busy) / Math.max(1e-9, slots * (until - start))))} %`;
}
