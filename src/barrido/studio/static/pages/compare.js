import { html, useEffect, useMemo, useState } from "preact";
import { Curves } from "studio/charts/index.js";
import { get, sweepUrl } from "studio/lib/api.js";
import { toggled, useChoice, useNumbers, useSlowly } from "studio/lib/choices.js";
import { duration, expectedText, number, numeric, valueText } from "studio/lib/formats.js";
import { useLoad } from "studio/lib/load.js";
import { sweepHref } from "studio/lib/routes.js";
import { isBetter, MOST_COMPARED, secondsAt, trialAt } from "studio/lib/trials.js";
import { Empty, Panel, Problem } from "studio/parts/boxes.js";
import { Chart } from "studio/parts/chart.js";
import { TrialLink } from "studio/parts/links.js";
import { Controls, Pick } from "studio/parts/pickers.js";
import { TrialStatus } from "studio/parts/status.js";

/** Trials side by side: what differs on top, then what came of each. */
export default function ComparePage({ sweep, trials, lostAt, query }) {
  const [numbers, setNumbers] = useNumbers(query, "trials");
  const metrics = [...new Set([sweep.metric, ...sweep.metrics].filter(Boolean))];
  const [metric, setMetric] = useChoice(query, "metric", metrics[0]);
  const found = [...numbers].slice(0, MOST_COMPARED).map((one) => trialAt(trials, one)).filter(Boolean);
  const chosen = found.map((trial) => trial.number).join(",");
  const every = useSlowly(JSON.stringify(found.map(({ reports, phase }) => [reports, phase])), 2000);
  const lasts = useLasts(sweep.name, metrics.filter((one) => one !== sweep.metric), chosen, every);
  const { data, error } = useLoad(chosen && metric ? sweepUrl(sweep.name, "curves") : null, { query: { metric, trials: chosen }, every });
  const model = useMemo(() => data && { sweep, trials, curves: data, logX: false, logY: false, smoothing: 0, selected: null, hovered: null }, [sweep, trials, data]);
  const add = (one) => setNumbers([...numbers, one]);
  return html`
    <${Controls} label="Which trials">
      <${AddTrial} sweep=${sweep} trials=${trials} numbers=${numbers} onadd=${add} />
      ${metrics.length > 0 && html`<${Pick} label="Curves of" value=${metric} options=${metrics} onchange=${setMetric} />`}
    <//>
    ${found.length === 0
      ? html`<${Empty} title="No trial is chosen"><p>Add trials by number above, or choose them in the <a href=${sweepHref(sweep.name, "trials")}>table of trials</a>.</p><//>`
      : html`<${Table} sweep=${sweep} trials=${trials} found=${found} lasts=${lasts} now=${lostAt ?? Date.now() / 1000} onremove=${(one) => setNumbers(toggled(numbers, one))} />`}
    <${Problem} error=${error} />
    ${model && found.length > 0 && html`<${Panel} class="apart" title="Their curves"><${Chart} of=${Curves} model=${model} height=${360} /><//>`}
  `;
}

/** The last values of metrics that are not in the table of trials: a Map by name, then by number, of those that have any. */
function useLasts(name, metrics, chosen, every) {
  const [lasts, setLasts] = useState(new Map());
  useEffect(() => {
    if (!chosen) return undefined;
    const stopper = new AbortController();
    const ask = async (metric) => {
      // One request a metric, however many trials; a line that is thinned to nothing keeps its last point
      const { trials } = await get(sweepUrl(name, "curves"), { query: { metric, trials: chosen, points: 1 }, signal: stopper.signal });
      return [metric, new Map(trials.trial.map((number, i) => [number, trials.values[i].at(-1)]))];
    };
    Promise.all(metrics.map(ask)).then(
      (found) => setLasts(new Map(found.filter(([, values]) => values.size > 0))),
      () => {}, // the table stands without them
    );
    return () => stopper.abort();
  }, [name, metrics.join("\n"), chosen, every]);
  return lasts;
}

function AddTrial({ sweep, trials, numbers, onadd }) {
  const [text, setText] = useState("");
  const wanted = /^\d+$/.test(text.trim()) ? Number(text) : null;
  const isFull = numbers.size >= MOST_COMPARED;
  const wrong = text && (wanted === null ? "a number" : !trialAt(trials, wanted) ? `there is no trial ${wanted}` : numbers.has(wanted) ? "it is there already" : isFull ? `at most ${MOST_COMPARED}` : "");
  const submit = (event) => {
    event.preventDefault();
    if (wanted === null || wrong) return;
    onadd(wanted);
    setText("");
  };
  return html`
    <form class="row" onSubmit=${submit}>
      <label class="control"><span>Add trial</span><input class="short" inputmode="numeric" autocomplete="off" value=${text} aria-invalid=${Boolean(wrong)} onInput=${(event) => setText(event.target.value)} /></label>
      <button type="submit" disabled=${wanted === null || Boolean(wrong)}>Add</button>
      ${sweep.best && !isFull && !numbers.has(sweep.best.trial) && html`<button type="button" onClick=${() => onadd(sweep.best.trial)}>Add the best (${sweep.best.trial})</button>`}
      ${wrong && html`<small class="wrong" role="status">${wrong}</small>`}
    </form>
  `;
}

function Table({ sweep, trials, found, lasts, now, onremove }) {
  const names = [...new Set(found.flatMap(({ params }) => Object.keys(params)))];
  const cell = (trial, name) => valueText(trial.params[name]);
  const exact = ({ params }, name) => JSON.stringify(params[name]); // a cell shows six digits
  const isSame = (name) => found.every((trial) => exact(trial, name) === exact(found[0], name));
  const differing = found.length > 1 ? names.filter((name) => !isSame(name)) : [];
  const same = names.filter((name) => !differing.includes(name));
  const bestValue = found.reduce((best, { value }) => (isBetter(value, best, sweep.goal) ? value : best), null);
  const rows = (title, names, text, isMarked) => names.length > 0 && html`
    <tbody>
      <tr class="group"><th colspan=${found.length + 1} scope="colgroup">${title}</th></tr>
      ${names.map((name) => html`<tr key=${name} class=${isMarked ? "differs" : ""}><th scope="row"><code>${name}</code></th>${found.map((trial) => html`<td>${text(trial, name)}</td>`)}</tr>`)}
    </tbody>`;
  const fact = (title, text) => html`<tr><th scope="row">${title}</th>${found.map((trial) => html`<td>${text(trial)}</td>`)}</tr>`;
  return html`
    <div class="scroll-x" tabindex="0" role="region" aria-label="Trials side by side">
      <table class="plain compare">
        <thead>
          <tr><th><span class="visually-hidden">What</span></th>${found.map((trial) => html`
            <th scope="col" key=${trial.number}>
              <${TrialLink} sweep=${sweep.name} number=${trial.number} />
              <button type="button" class="quiet icon small" aria-label=${`Take trial ${trial.number} out`} onClick=${() => onremove(trial.number)}>✕</button>
            </th>`)}</tr>
        </thead>
        ${rows("Parameters that differ", differing, cell, true)}
        <tbody>
          <tr class="group"><th colspan=${found.length + 1} scope="colgroup">What came of them</th></tr>
          <tr><th scope="row">${sweep.metric ?? "value"}</th>${found.map(({ value }) => html`
            <td class=${numeric(value) === numeric(bestValue) && found.length > 1 ? "is-best" : ""}>${number(value)}${numeric(value) === numeric(bestValue) && found.length > 1 ? " (best)" : ""}</td>`)}</tr>
          ${fact("Status", (trial) => html`<${TrialStatus} phase=${trial.phase} status=${trial.status} />`)}
          ${found.some(({ expected }) => expected) && fact("Expected", (trial) => expectedText(trial.expected) || "–")}
          ${fact("Reports", (trial) => String(trial.reports))}
          ${fact("Took", (trial) => duration(secondsAt(trials, trials.number.indexOf(trial.number), now)))}
          ${found.some(({ reason }) => reason) && fact("Why it ended", (trial) => trial.reason || "–")}
          ${found.some(({ note }) => note) && fact("Note", (trial) => trial.note || "–")}
        </tbody>
        ${rows("Other metrics, their last values", [...lasts.keys()].sort(), (trial, name) => number(lasts.get(name).get(trial.number)))}
        ${rows(found.length > 1 ? "Parameters that are the same" : "Parameters", same, cell)}
      </table>
    </div>
  `;
}
