// A sweep on one page that lies in a file: everything there is to see of it, from the data in the page.

import { html, render, useEffect, useMemo, useState } from "preact";
import { BestSoFar } from "studio/charts/best.js";
import { columnNames } from "studio/charts/columns.js";
import { Curves } from "studio/charts/curves.js";
import { Importance } from "studio/charts/importance.js";
import { Parallel } from "studio/charts/parallel.js";
import { Rungs } from "studio/charts/rungs.js";
import { Scatter } from "studio/charts/scatter.js";
import { Timeline } from "studio/charts/timeline.js";
import { counted, duration, number, paramsText, phaseTone, phaseWord, sweepTone, sweepWord, valueText } from "studio/lib/formats.js";
import { isBetter, paramsAt, secondsAt, spansDecades } from "studio/lib/trials.js";
import { Facts, Panel } from "studio/parts/boxes.js";
import { Chart } from "studio/parts/chart.js";
import { unpacked } from "studio/figure.js";

/** Draws the report into `root`; `data` is what `barrido.figures.page` put into the page. */
export function mount(root, data) {
  const whole = { ...data, trials: unpacked(data.trials) };
  render(html`<${Report} data=${whole} />`, root);
}

function Report({ data }) {
  const { sweep, trials, importance, timeline, rungs } = data;
  const curves = data.curves.filter(({ trials: { steps } }) => steps.some((one) => one.length > 1));
  const [selected, setSelected] = useState(null);
  const [hovered, setHovered] = useState(null);
  const [best, setBest] = useState({ x: "number", log: spansDecades(trials.value) });
  const model = useMemo(() => ({ sweep, trials, selected, hovered, now: data.made_at }), [sweep, trials, selected, hovered]);
  const linked = useMemo(() => ({
    onhover: ({ trial }) => setHovered(trial),
    onselect: ({ trial }) => setSelected((old) => (trial === null || (old?.size === 1 && old.has(trial)) ? null : new Set([trial]))),
    onbrush: ({ trials: numbers }) => setSelected(numbers && new Set(numbers)),
  }), []);
  const table = useMemo(() => html`<${Table} data=${data} selected=${selected} linked=${linked} />`, [data, selected]);
  const hasParams = Object.keys(trials.params).length > 0;
  const isMeasured = sweep.metric !== null;
  return html`
    <${Header} sweep=${sweep} data=${data} />
    <div class="report-top">
      ${sweep.best && html`<${Best} sweep=${sweep} trials=${trials} />`}
      <${About} sweep=${sweep} />
    </div>
    ${isMeasured && html`
      <${Panel} title="Best so far" aside=${html`
        <${Pick} label="by" value=${best.x} onpick=${(x) => setBest({ ...best, x })} options=${[["number", "trial"], ["time", "time"]]} />
        <${Check} label="log scale" value=${best.log} oncheck=${(log) => setBest({ ...best, log })} />`}>
        <${Chart} of=${BestSoFar} model=${{ ...model, ...best }} ...${linked} height=${300} />
      <//>`}
    ${curves.length > 0 && html`<${CurvesPanel} curves=${curves} model=${model} linked=${linked} />`}
    ${isMeasured && hasParams && html`
      <${Panel} title="Parameters and values">
        <${Chart} of=${Parallel} model=${model} ...${linked} height=${380} />
      <//>
      <${ScatterPanel} model=${model} linked=${linked} />`}
    ${importance?.shares && html`
      <${Panel} title="What mattered">
        <${Chart} of=${Importance} model=${{ ...model, importance }} height=${80 + 34 * Object.keys(importance.shares).length} />
      <//>`}
    ${rungs.brackets.length > 0 && html`
      <${Panel} title="Rungs">
        <${Chart} of=${Rungs} model=${{ ...model, rungs }} ...${linked} height=${380} />
      <//>`}
    <${Panel} title="When trials ran">
      <${Chart} of=${Timeline} model=${{ ...model, timeline, now: sweep.is_running ? data.made_at : undefined }} ...${linked} height=${timelineHeight(timeline)} />
    <//>
    ${table}
    <${Notes} sweep=${sweep} />
    <footer class="report-foot">
      Made ${moment(data.made_at)} with barrido ${data.barrido}. Nothing on this page was loaded from elsewhere.
    </footer>
  `;
}

function Header({ sweep, data }) {
  const title = sweep.display_name || sweep.name;
  return html`
    <header class="report-head">
      <div>
        <h1>${title}</h1>
        <p class="report-sub">
          <span class=${`status badge tone-${sweepTone(sweep.status)}`}><i></i>${sweepWord(sweep.status)}</span>
          ${title !== sweep.name && html`<code>${sweep.name}</code>`}
          <span>${sweep.metric === null ? counted(sweep.total, "trial") : `${sweep.goal} ${sweep.metric}`}</span>
          ${sweep.is_running && html`<span>as it stood ${moment(data.made_at)}</span>`}
        </p>
        ${sweep.reason && html`<p>${sweep.reason}</p>`}
        ${sweep.description && html`<p class="report-text">${sweep.description}</p>`}
        ${sweep.note && html`<p class="report-text">${sweep.note}</p>`}
      </div>
      <${Theme} />
    </header>
  `;
}

/** Light or dark, for this look at the page only. */
function Theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const [theme, setTheme] = useState(dark.matches ? "dark" : "light");
  useEffect(() => show(theme), [theme]);
  useEffect(() => {
    const follow = () => setTheme(dark.matches ? "dark" : "light");
    dark.addEventListener("change", follow);
    addEventListener("beforeprint", setUpPaper);
    return () => {
      dark.removeEventListener("change", follow);
      removeEventListener("beforeprint", setUpPaper);
    };
  }, []);
  const other = theme === "dark" ? "light" : "dark";
  return html`
    <div class="report-tools">
      <button type="button" class="small quiet" onClick=${() => setTheme(other)}>${other === "dark" ? "Dark" : "Light"}</button>
      <button type="button" class="small quiet" onClick=${() => window.print()}>Print</button>
    </div>`;
}

function show(theme) {
  document.documentElement.dataset.theme = theme;
  dispatchEvent(new Event("studio-theme"));
}

/** Paper is as wide as the page is, because charts could not be drawn anew in time: the browser makes it smaller. */
function setUpPaper() {
  document.documentElement.style.setProperty("--paper", `${document.getElementById("page").clientWidth}px`);
}

function About({ sweep }) {
  const counts = Object.entries(sweep.counts).filter(([, count]) => count);
  const tags = Object.entries(sweep.tags ?? {});
  return html`
    <${Panel} title="The sweep">
      <${Facts} rows=${[
        ["trials", `${sweep.done} of ${sweep.total} done: ${counts.map(([phase, count]) => `${count} ${phaseWord(phase).toLowerCase()}`).join(", ")}`],
        ["sampling", rule(sweep.sampler)],
        ["scheduler", rule(sweep.scheduler)],
        ["early stop", rule(sweep.policy)],
        ["limits", rule(sweep.limits)],
        ["started", sweep.started_at && moment(sweep.started_at)],
        ["took", duration(sweep.elapsed_s)],
        ["started warm", sweep.warm?.warm ? `${sweep.warm.warm} of ${sweep.warm.started}` : ""],
        ["spent", sweep.spending && `${counted(sweep.spending.reports, "report")}, as much as ${number(sweep.spending.reports / sweep.spending.full, 3)} full trainings of ${sweep.spending.full}`],
        ["experiment", sweep.experiment],
        ["tags", tags.map(([key, value]) => (value ? `${key}: ${value}` : key)).join(", ")],
        ["command", sweep.command && html`<code>${sweep.command}</code>`],
        ["search space", sweep.space.length > 0 && html`<ul class="report-space">${sweep.space.map(Dimension)}</ul>`],
      ]} />
    <//>`;
}

function Dimension({ name, distribution, condition }) {
  return html`<li><code>${name}</code> ${distribution}${condition && html` <span class="report-dim">if ${condition}</span>`}</li>`;
}

/** A rule is its name, or an object with its settings. */
function rule(said) {
  if (!said || said === "fifo" || said.type === "fifo") return "";
  if (typeof said === "string") return said;
  const { type, ...settings } = said;
  const known = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null && value !== 0));
  return [type, paramsText(known)].filter(Boolean).join(" ");
}

function Best({ sweep, trials }) {
  const { trial, value } = sweep.best;
  const params = paramsAt(trials, trials.number.indexOf(trial));
  return html`
    <${Panel} title="Best trial" class="report-best">
      <p class="report-value"><strong>${number(value)}</strong> ${sweep.metric} in trial ${trial}</p>
      <${Facts} rows=${Object.entries(params).map(([name, one]) => [name, valueText(one)])} />
    <//>`;
}

function CurvesPanel({ curves, model, linked }) {
  const [chosen, setChosen] = useState(0);
  const [look, setLook] = useState({ logX: false, logY: spansDecades(model.trials.value), smoothing: 0 });
  const one = curves[chosen];
  const aside = html`
    ${curves.length > 1 && html`<${Pick} label="metric" value=${chosen} onpick=${(at) => setChosen(Number(at))} options=${curves.map(({ metric }, at) => [at, metric])} />`}
    <${Check} label="log x" value=${look.logX} oncheck=${(logX) => setLook({ ...look, logX })} />
    <${Check} label="log y" value=${look.logY} oncheck=${(logY) => setLook({ ...look, logY })} />
    <label class="report-pick">smooth
      <input type="range" min="0" max="0.95" step="0.05" value=${look.smoothing} onInput=${(event) => setLook({ ...look, smoothing: Number(event.target.value) })} />
    </label>`;
  return html`
    <${Panel} title=${`${one.metric} of each trial`} aside=${aside}>
      <${Chart} of=${Curves} model=${{ ...model, curves: one, ...look }} ...${linked} height=${380} />
      ${one.is_thinned && html`<p class="report-dim">Of each line as many points are shown as fit into this file, its best one among them.</p>`}
    <//>`;
}

function ScatterPanel({ model, linked }) {
  const columns = columnNames(model).map(({ name, title }) => [name, title]);
  const [axes, setAxes] = useState({ x: columns[0][0], y: "value", color: columns.length > 4 ? columns[1][0] : "value" });
  const aside = ["x", "y", "color"].map((axis) => html`
    <${Pick} label=${axis === "color" ? "colour" : axis} value=${axes[axis]} onpick=${(name) => setAxes({ ...axes, [axis]: name })} options=${columns} />`);
  return html`
    <${Panel} title="Any two, and a third as colour" aside=${aside}>
      <${Chart} of=${Scatter} model=${{ ...model, ...axes, logY: (axes.y === "value" && spansDecades(model.trials.value)) || undefined }} ...${linked} height=${380} />
    <//>`;
}

function Pick({ label, value, options, onpick }) {
  return html`
    <label class="report-pick">${label}
      <select value=${value} onChange=${(event) => onpick(event.target.value)}>
        ${options.map(([name, title]) => html`<option value=${name} selected=${name === value}>${title}</option>`)}
      </select>
    </label>`;
}

function Check({ label, value, oncheck }) {
  return html`<label class="report-pick"><input type="checkbox" checked=${value} onChange=${(event) => oncheck(event.target.checked)} /> ${label}</label>`;
}

function timelineHeight({ slots }) {
  return Math.max(160, Math.min(520, 70 + 22 * slots));
}

/** The trials that the page lists, best first; a click on a column's name sorts by it. */
function Table({ data: { sweep, trials, listed, made_at: now }, selected, linked }) {
  const [order, setOrder] = useState({ by: null, isDown: false });
  const names = Object.keys(trials.params);
  const rowOf = useMemo(() => new Map(trials.number.map((one, row) => [one, row])), [trials]);
  const columns = [
    { title: "trial", cell: (row) => trials.number[row], isNumber: true },
    { title: "status", cell: (row) => phaseWord(trials.phase[row]) },
    ...(sweep.metric === null ? [] : [
      { title: sweep.metric, cell: (row) => trials.value[row], isNumber: true },
      { title: "reports", cell: (row) => trials.reports[row], isNumber: true },
    ]),
    ...names.map((name) => ({ title: name, cell: (row) => trials.params[name][row], isNumber: trials.params[name].every((one) => one === null || typeof one === "number") })),
    { title: "time", cell: (row) => secondsAt(trials, row, now), isNumber: true, text: duration },
    { title: "reason", cell: (row) => [trials.reason[row], trials.note[row]].filter(Boolean).join(" · ") },
  ];
  const numbers = useMemo(() => sorted(listed, order, columns, rowOf), [listed, order]);
  const left = trials.number.length - listed.length;
  return html`
    <${Panel} title="Trials" class="report-trials">
      <div class="report-scroll" tabindex="0" role="region" aria-label="Trials">
        <table>
          <thead><tr>${columns.map((column, at) => html`
            <th class=${column.isNumber ? "num" : undefined} aria-sort=${order.by === at ? (order.isDown ? "descending" : "ascending") : "none"}>
              <button type="button" onClick=${() => setOrder({ by: at, isDown: order.by === at && !order.isDown })}>${column.title}</button>
            </th>`)}</tr></thead>
          <tbody>${numbers.map((one) => html`<${Row} key=${one} row=${rowOf.get(one)} columns=${columns} number=${one}
            tone=${phaseTone(trials.phase[rowOf.get(one)])} isBest=${one === sweep.best?.trial} isSelected=${selected?.has(one)} linked=${linked} />`)}</tbody>
        </table>
      </div>
      ${left > 0 && html`<p class="report-dim">The ${listed.length} best of ${counted(trials.number.length, "trial")}. All of them: <code>barrido job export ${sweep.name}</code></p>`}
    <//>`;
}

function Row({ row, number: trial, columns, tone, isBest, isSelected, linked }) {
  const names = [isBest && "is-best", isSelected && "is-selected", `tone-${tone}`].filter(Boolean).join(" ");
  return html`
    <tr class=${names} onClick=${() => linked.onselect({ trial })}>
      ${columns.map(({ cell, isNumber, text = valueText }) => html`<td class=${isNumber ? "num" : undefined}>${text(cell(row))}</td>`)}
    </tr>`;
}

function sorted(numbers, { by, isDown }, columns, rowOf) {
  if (by === null) return numbers;
  const { cell, isNumber } = columns[by];
  const key = (one) => cell(rowOf.get(one));
  const goal = isDown ? "maximize" : "minimize";
  const before = isNumber ? (a, b) => isBetter(a, b, goal) : (a, b) => (isDown ? 1 : -1) * valueText(a).localeCompare(valueText(b)) > 0;
  return [...numbers].sort((a, b) => (before(key(a), key(b)) ? -1 : before(key(b), key(a)) ? 1 : a - b));
}

function Notes({ sweep }) {
  const said = new Set(sweep.notes.map(({ text }) => text)); // a notice may have been noted as well
  const notes = [...sweep.notices.filter((text) => !said.has(text)).map((text) => ({ text })), ...sweep.notes];
  if (notes.length === 0) return null;
  return html`
    <${Panel} title="Notes">
      <ul class="report-notes">${notes.map(({ at, trial, text }) => html`
        <li>${at && html`<time>${moment(at)}</time> `}${trial !== null && trial !== undefined && html`<b>trial ${trial}</b> `}${text}</li>`)}</ul>
    <//>`;
}

/** The date with it: a report is read later than it was made. */
function moment(at) {
  return new Date(at * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
