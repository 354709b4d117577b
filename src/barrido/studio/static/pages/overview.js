import { html, useMemo, useState } from "preact";
import { BestSoFar } from "studio/charts/best.js";
import { useNow } from "studio/lib/clock.js";
import { counted, duration, time } from "studio/lib/formats.js";
import { go, hasScheduler, sweepHref, trialHref } from "studio/lib/routes.js";
import { spansDecades } from "studio/lib/trials.js";
import { Facts, Note, Panel } from "studio/parts/boxes.js";
import { BestTrial } from "studio/parts/best_trial.js";
import { Chart } from "studio/parts/chart.js";
import { Course } from "studio/parts/course.js";
import { Happenings } from "studio/parts/happenings.js";
import { CopyButton } from "studio/parts/links.js";
import { PlanPanel } from "studio/parts/plan.js";
import { Standing } from "studio/parts/standing.js";
import { SpaceTable } from "studio/parts/space_table.js";

export default function Overview({ name, sweep, trials, lostAt }) {
  const now = useNow(sweep.is_running, lostAt);
  const [chosen, setChosen] = useState({}); // how the chart is drawn, where people said so
  const { x = "number", log = spansDecades(trials.value) } = chosen;
  const model = useMemo(() => ({ sweep, trials, selected: null, hovered: null, x, log }), [sweep, trials, x, log]);
  const open = ({ trial }) => go(trialHref(name, trial));
  return html`
    <${Standing} sweep=${sweep} trials=${trials} />
    <div class="grid">
      ${sweep.metric && html`<div class="span-5 fill"><${BestTrial} sweep=${sweep} trials=${trials} /></div>`}
      <div class=${sweep.metric ? "span-7 fill" : ""}><${Course} sweep=${sweep} trials=${trials} now=${now} /></div>
      ${sweep.metric && html`
        <div class=${hasScheduler(sweep) ? "span-7 fill" : ""}>
          <${Panel} title="Best so far" aside=${html`
            <label class="inline"><input type="checkbox" checked=${x === "time"} onChange=${() => setChosen({ ...chosen, x: x === "time" ? "number" : "time" })} />by time</label>
            <label class="inline"><input type="checkbox" checked=${log} onChange=${() => setChosen({ ...chosen, log: !log })} />logarithmic</label>
            <a href=${sweepHref(name, "curves")}>all curves</a>`}>
            <${Chart} of=${BestSoFar} model=${model} height=${300} onselect=${open} />
          <//>
        </div>`}
      ${hasScheduler(sweep) && html`<div class="span-5 fill"><${PlanPanel} sweep=${sweep} trials=${trials} /></div>`}
      <div class="span-7 stack">
        ${sweep.space.length > 0 && html`<${Panel} title="Search space"><${SpaceTable} space=${sweep.space} /><//>`}
        <${Happenings} sweep=${sweep} now=${now} />
      </div>
      <div class="span-5 stack">
        <${About} sweep=${sweep} />
        <${Panel} title="Limits"><${Facts} rows=${limitRows(sweep.limits)} /><//>
      </div>
    </div>
  `;
}

function limitRows(limits) {
  const after = limits.stop_after;
  const seconds = (value) => value !== null && value !== undefined && duration(value);
  return [
    ["Trials", limits.max_total_trials?.toLocaleString("en")],
    ["At a time", limits.max_concurrent_trials],
    ["Sweep ends after", seconds(limits.timeout)],
    ["A trial ends after", seconds(limits.trial_timeout)],
    ["Retries", limits.max_retries > 0 && `${counted(limits.max_retries, "retry", "retries")} of a trial that fails, the first after ${duration(limits.retry_backoff)}`],
    ["Gives up after", limits.max_failed_trials && `${limits.max_failed_trials} failures before any success`],
    ["Stops by itself", after && `when ${after.trials} trials in a row bring less than ${after.min_improvement}`],
  ];
}

function About({ sweep }) {
  const methods = [sweep.sampler, hasScheduler(sweep) && sweep.scheduler, sweep.policy].map(wordOf).filter(Boolean);
  const tags = Object.entries(sweep.tags);
  const command = sweep.recipe?.work?.command;
  return html`
    <${Panel} title="About">
      ${sweep.description && html`<p>${sweep.description}</p>`}
      ${sweep.note && html`<${Note}>${sweep.note}<//>`}
      <${Facts} rows=${[
        ["Tags", tags.length > 0 && tags.map(([key, value]) => html`<span class="tag" key=${key}>${value === "" ? key : `${key}: ${value}`}</span> `)],
        ["Search", methods.join(" · ")],
        ["Metric", sweep.metric && `${sweep.metric}, ${sweep.goal}`],
        ["Experiment", sweep.experiment],
        ["Created", time(sweep.created_at)],
        ["Ended", sweep.ended_at && time(sweep.ended_at)],
        ["MLflow", sweep.mlflow && html`<a href=${sweep.mlflow} target="_blank" rel="noopener noreferrer">open the run ↗</a>`],
        ["Command", command && html`<code>${command}</code>`],
        ["Folder", html`<code>${sweep.folder}</code> <${CopyButton} text=${sweep.folder} />`],
      ]} />
    <//>
  `;
}

function wordOf(method) {
  return typeof method === "object" && method !== null ? method.type : method;
}
