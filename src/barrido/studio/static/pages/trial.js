import { html, useEffect, useMemo, useState } from "preact";
import { sweepUrl } from "studio/lib/api.js";
import { useSlowly } from "studio/lib/choices.js";
import { useNow } from "studio/lib/clock.js";
import { ago, bytes, counted, duration, failureWord, number, time, valueText } from "studio/lib/formats.js";
import { useLoad } from "studio/lib/load.js";
import { compareHref, sweepHref, trialHref } from "studio/lib/routes.js";
import { isOver, trialAt } from "studio/lib/trials.js";
import { commandArguments, expectationWords } from "studio/lib/words.js";
import { Empty, Facts, Note, Panel, Problem, Waiting } from "studio/parts/boxes.js";
import { CopyButton, TrialLink } from "studio/parts/links.js";
import { Log } from "studio/parts/log.js";
import { MetricCurves } from "studio/parts/metrics.js";
import { TrialStatus } from "studio/parts/status.js";
import { TrialActions } from "studio/parts/steer.js";

export const hasHeading = true;

/** Everything about one trial. */
export default function TrialPage({ sweep, trials, number: at, lostAt, query }) {
  const row = trialAt(trials, at);
  const every = useSlowly(row && JSON.stringify([row.phase, row.reports, row.attempt, row.note, row.tags]), 1500);
  const { data, error, reload } = useLoad(sweepUrl(sweep.name, "trials", at), { every });
  const isThere = Boolean(data);
  useEffect(() => {
    if (isThere && query.get("tab") === "log") document.querySelector(".trial-log").scrollIntoView();
  }, [isThere]);
  if (error?.status === 404 || (!row && error?.status === 400))
    return html`<${Empty} title=${`${sweep.name} has no trial ${at}`}><p><a href=${sweepHref(sweep.name, "trials")}>All its trials</a></p><//>`;
  const trial = row ?? data?.trial;
  if (!trial) return error ? html`<${Problem} error=${error} retry=${reload} />` : html`<${Waiting} height=${400} label="Loading the trial" />`;
  return html`
    <${Head} sweep=${sweep} trials=${trials} trial=${trial} mlflow=${data?.mlflow} />
    <${Problem} error=${error} retry=${reload} />
    ${(data?.why || trial.reason) && html`<${Why} sweep=${sweep} trial=${trial} why=${data?.why} />`}
    <div class="pair">
      <${Parameters} trial=${trial} />
      <${Result} sweep=${sweep} trial=${trial} detail=${data} lostAt=${lostAt} />
    </div>
    ${data && html`<${MetricCurves} sweep=${sweep} trials=${trials} trial=${trial} metrics=${data.metrics} every=${every} />`}
    ${(data || !error) && html`
      <${Panel} class="trial-log" title="Log">
        ${data ? html`<${Log} sweep=${sweep.name} trial=${at} attempts=${data.logs} />` : html`<${Waiting} height=${160} label="Loading the log" />`}
      <//>`}
    ${data && html`<${Outputs} sweep=${sweep} trial=${trial} outputs=${data.outputs} folder=${data.folder} />`}
  `;
}

function Head({ sweep, trials, trial, mlflow }) {
  const at = trials.number.indexOf(trial.number);
  const [before, after] = [trials.number[at - 1], trials.number[at + 1]];
  const isBest = sweep.best?.trial === trial.number;
  return html`
    <header class="trial-head">
      <div class="trial-name">
        <h2 data-heading tabindex="-1">Trial ${trial.number}</h2>
        <${TrialStatus} phase=${trial.phase} status=${trial.status} />
        ${isBest && html`<span class="status badge tone-good"><i aria-hidden="true"></i>best so far</span>`}
        <nav aria-label="Other trials">
          ${step(sweep, before, "Previous trial", "←")}${step(sweep, after, "Next trial", "→")}
          ${sweep.best && !isBest && html`<a href=${compareHref(sweep.name, [trial.number, sweep.best.trial])}>Compare with the best</a>`}
        </nav>
      </div>
      <${TrialActions} key=${trial.number} sweep=${sweep} trial=${trial} mlflow=${mlflow} />
    </header>
  `;
}

function step(sweep, number, title, arrow) {
  return number === undefined
    ? html`<span class="button" role="link" aria-disabled="true" aria-label=${`${title}: none`}>${arrow}</span>`
    : html`<a class="button" href=${trialHref(sweep.name, number)} title=${`${title}: ${number}`} aria-label=${`${title}: ${number}`}>${arrow}</a>`;
}

const BY = {
  bandit: "Stopped by the bandit policy",
  median: "Stopped by median stopping",
  truncation: "Stopped by truncation selection",
  person: "A person stopped it",
  exit: "Its process failed",
};

function Why({ sweep, trial, why }) {
  const text = why?.text || trial.reason;
  if (!text) return null;
  const isBad = trial.phase === "failed";
  const title = why?.by && !(why.by === "exit" && !isBad) ? BY[why.by] ?? `Decided by ${why.by}` : isBad ? "Why it failed" : isOver(trial.phase) ? "Why it ended" : "Where it stands";
  const against = why?.against;
  return html`
    <${Note} tone=${isBad ? "bad" : trial.phase === "completed" || !isOver(trial.phase) ? "info" : "warn"}>
      <p class="box-title">${title}</p>
      <p class="why">${text}</p>
      ${against !== null && against !== undefined && html`
        <p>It was compared with <${TrialLink} sweep=${sweep.name} number=${against} />.
          ${" "}<a href=${compareHref(sweep.name, [trial.number, against])}>See the two side by side</a></p>`}
    <//>
  `;
}

function Parameters({ trial }) {
  const names = Object.keys(trial.params);
  const aside = names.length > 0 && html`
    <${CopyButton} text=${commandArguments(trial.params)} label="Copy as arguments" title=${commandArguments(trial.params)} />
    <${CopyButton} text=${JSON.stringify(trial.params, null, 2)} label="Copy as JSON" />`;
  return html`
    <${Panel} title="Parameters" aside=${aside}>
      ${names.length === 0
        ? html`<p class="hint">It has none.</p>`
        : html`<table class="plain params-table"><tbody>
            ${names.map((name) => html`<tr key=${name}><th scope="row"><code>${name}</code></th><td>${valueText(trial.params[name])}</td></tr>`)}
          </tbody></table>`}
    <//>
  `;
}

const STILL = new Set(["queued", "paused"]);

function Result({ sweep, trial, detail, lostAt }) {
  const isGoing = sweep.is_running && !isOver(trial.phase) && !STILL.has(trial.phase);
  const now = useNow(isGoing, lostAt);
  const heardAt = useMemo(() => Date.now() / 1000, [detail]);
  const metric = sweep.metric ?? "value";
  const seconds = detail?.seconds ?? null;
  const ran = seconds === null || !isGoing ? seconds : seconds + Math.max(0, now - heardAt);
  const rungs = Object.entries(trial.rungs ?? {});
  const tags = Object.entries(trial.tags ?? {});
  return html`
    <${Panel} title="What came of it">
      <${Facts} rows=${[
        [metric, html`<b>${number(trial.value)}</b>${trial.last !== trial.value && trial.last !== null ? ` (its last: ${number(trial.last)})` : ""}`],
        ["Expected", trial.expected && expectationWords(trial.expected, trial.value, sweep.goal)],
        ["Reports", `${counted(trial.reports, "report")}${trial.step !== null && trial.reports ? `, up to step ${trial.step}` : ""}`],
        ["Rungs", rungs.length > 0 && html`<span>${rungs.map(([resource, value]) => `${number(value)} at ${resource}`).join(", ")}${trial.until ? `; on its way to ${trial.until}` : ""} · <a href=${sweepHref(sweep.name, "rungs", { picked: trial.number })}>see the rungs</a></span>`],
        ["Ran", ran !== null && `${duration(ran)}${trial.warm ? ", started warm" : ""}`],
        ["Waited", trial.started_at !== null && trial.queued_at !== null && duration(trial.started_at - trial.queued_at)],
        ["Started", trial.started_at !== null && html`<time title=${ago(trial.started_at)}>${time(trial.started_at)}</time>`],
        ["Ended", trial.ended_at !== null && html`<time title=${ago(trial.ended_at)}>${time(trial.ended_at)}</time>`],
        ["Attempts", detail?.attempts > 1 && String(detail.attempts)],
        ["Failure", failureWord(trial.failure)],
        ["Exit code", trial.exit_code !== null && String(trial.exit_code)],
        ["Point from", trial.origin || (sweep.sampler ? `the sampler (${nameOf(sweep.sampler)})` : "")],
        ["Tags", tags.length > 0 && html`<span class="tags">${tags.map(([key, value]) => html`<span class="tag">${value === "" ? key : `${key}: ${value}`}</span>`)}</span>`],
        ["Note", trial.note && html`<span class="note-text">${trial.note}</span>`],
      ]} />
    <//>
  `;
}

function nameOf(recipe) {
  return typeof recipe === "string" ? recipe : recipe.type;
}

function Outputs({ sweep, trial, outputs, folder }) {
  const [showsAll, setShowsAll] = useState(false);
  const shown = showsAll ? outputs : outputs.slice(0, 20);
  return html`
    <${Panel} title="Files" aside=${html`<span class="hint">in <code>${folder}</code></span> <${CopyButton} text=${folder} label="Copy path" />`}>
      ${outputs.length === 0
        ? html`<p class="hint">It has written no files.</p>`
        : html`<ul class="files">
            ${shown.map(({ path, size }) => html`
              <li key=${path}><a href=${sweepUrl(sweep.name, "trials", trial.number, "files", ...path.split("/"))} download=${path.split("/").at(-1)}>${path}</a> <span class="hint">${bytes(size)}</span></li>`)}
          </ul>`}
      ${outputs.length > shown.length && html`<button type="button" class="small" onClick=${() => setShowsAll(true)}>Show all ${outputs.length}</button>`}
    <//>
  `;
}
