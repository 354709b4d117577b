import { html, useMemo } from "preact";
import { counted, duration, number, percent, whole } from "studio/lib/formats.js";
import { sweepHref } from "studio/lib/routes.js";
import { Facts, Panel } from "studio/parts/boxes.js";
import { Progress, segmentsOf } from "studio/parts/status.js";

/** How far a sweep is, how long it still takes, what it has spent and what it saved. */
export function Course({ sweep, trials, now }) {
  const passed = sweep.is_running ? Math.max(0, now - sweep.seen_at) : 0;
  const queued = sweep.counts.queued ?? 0;
  const isRunning = sweep.is_running && sweep.phase === "running";
  const budget = useMemo(() => budgetRows(sweep, trials), [sweep, trials]);
  return html`
    <${Panel} title="Progress" aside=${html`<a href=${sweepHref(sweep.name, "timeline")}>timeline</a>`}>
      <p class="big"><span>${whole(sweep.done)}</span> <small>of ${counted(sweep.total, "trial")} done</small></p>
      <${Progress} counts=${sweep.counts} total=${sweep.total} done=${sweep.done} />
      <ul class="legend">
        ${segmentsOf(sweep.counts).map(({ tone, word, count }) => html`<li key=${word}><span class=${`status tone-${tone}`}><i aria-hidden="true"></i>${word} <b>${whole(count)}</b></span></li>`)}
        ${queued > 0 && html`<li><span class="status tone-wait"><i aria-hidden="true"></i>to be run again <b>${whole(queued)}</b></span></li>`}
      </ul>
      <${Facts} rows=${[
        elapsed(sweep, passed),
        ["Time left", isRunning && (sweep.eta_s === null ? html`<span class="muted">not known yet</span>` : `about ${duration(Math.max(0, sweep.eta_s - passed))}`)],
        ["Warm starts", sweep.warm?.warm > 0 && `${percent(sweep.warm.warm / Math.max(1, sweep.warm.started))} of ${counted(sweep.warm.started, "trial")} began in an interpreter that was ready`],
        ...budget,
      ]} />
    <//>
  `;
}

function elapsed({ started_at: started, ended_at: ended, is_running: isRunning, elapsed_s: seconds }, passed) {
  if (!started) return ["Started", ended ? "never" : "not yet"];
  return isRunning || ended ? [ended ? "Ran for" : "Running for", duration(seconds + passed)] : ["Started", `${duration(seconds)} ago`];
}

/**
 * What was spent and saved. At rungs the server counts it. With a policy it is guessed from the table: a trial that was
 * stopped early is taken to have had as many reports to go as those that completed made (their median).
 */
function budgetRows(sweep, trials) {
  const spent = sweep.spending;
  const started = trials.started_at?.filter((at) => at !== null).length ?? 0;
  if (spent) {
    const full = spent.reports / spent.full;
    return [
      ["Spent", `${counted(spent.reports, "report")}: as much as ${number(full, 3)} full trainings of ${whole(spent.full)}`],
      ["Saved", started > 0 && full < started && `${percent(1 - full / started)}: ${number(full, 3)} of ${counted(started, "full training")}`],
      ["Beyond the rungs", spent.beyond > 0 && `${counted(spent.beyond, "report")} more than the rungs needed`],
    ];
  }
  const made = (phase) => trials.number.flatMap((_, row) => (trials.phase[row] === phase ? [trials.reports[row]] : []));
  const [full, stopped] = [made("completed").sort((a, b) => a - b), made("pruned")];
  if (full.length === 0 || stopped.length === 0) return [];
  const usual = full[Math.floor(full.length / 2)];
  const left = stopped.reduce((sum, reports) => sum + Math.max(0, usual - reports), 0);
  const all = (full.length + stopped.length) * usual;
  if (left === 0) return [];
  return [["Saved", `about ${counted(left, "report")} (${percent(left / all)}) by stopping ${counted(stopped.length, "trial")} early`]];
}
