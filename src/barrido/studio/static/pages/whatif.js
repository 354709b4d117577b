import { html, useId, useMemo, useState } from "preact";
import { Curves } from "studio/charts/index.js";
import { post, sweepUrl } from "studio/lib/api.js";
import { useChoice } from "studio/lib/choices.js";
import { counted, duration, number, whole } from "studio/lib/formats.js";
import { useLoad } from "studio/lib/load.js";
import { cutCurves, readRule, RULES, ruleText, startTexts, usualRules } from "studio/lib/rules.js";
import { Empty, Note, Panel, Problem } from "studio/parts/boxes.js";
import { Chart } from "studio/parts/chart.js";
import { TrialLink } from "studio/parts/links.js";
import { Pick, Switch } from "studio/parts/pickers.js";

/** What another policy or scheduler would have made of the trials on record. */
export default function WhatIfPage({ sweep, trials, query }) {
  const longest = trials.reports.reduce((most, count) => Math.max(most, count), 1);
  const [key, setKey] = useChoice(query, "rule", RULES[0].key);
  const rule = RULES.find((one) => one.key === key) ?? RULES[0];
  const [texts, setTexts] = useState({});
  const mine = { ...startTexts(rule, longest), ...texts[rule.key] };
  const { body, problems } = readRule(rule, mine);
  const [answers, setAnswers] = useState([]);
  const [chosen, setChosen] = useState("");
  const [busy, setBusy] = useState("");
  const [error, setError] = useState(null);

  const ask = async (bodies) => {
    setError(null);
    let before = answers;
    const news = [];
    for (const [i, one] of bodies.entries()) {
      setBusy(bodies.length > 1 ? `Playing it again: ${i + 1} of ${bodies.length}` : "Playing it again");
      try {
        const answer = await replayed(sweep.name, one);
        before = [...before.filter((other) => other.text !== answer.text), answer];
        news.push(answer);
        setAnswers(before);
      } catch (refusal) {
        setError(refusal);
        break;
      }
    }
    if (news.length > 0) setChosen(worthALook(news).text);
    setBusy("");
  };
  if (trials.reports.every((count) => count === 0)) return html`<${Empty} title="Nothing is on record yet"><p>Once trials have reported values, this page plays them again under other rules.</p><//>`;
  const shown = answers.find(({ text }) => text === chosen);
  return html`
    <${Panel} title="What if it had had …">
      <p class="hint">The sweep's own trials are played again as another policy or scheduler would have handled them. Nothing is run.</p>
      <${RuleForm} rule=${rule} texts=${mine} problems=${problems} onrule=${setKey} ontext=${(name, text) => setTexts({ ...texts, [rule.key]: { ...texts[rule.key], [name]: text } })}
        busy=${busy} onask=${() => ask([body])} onall=${() => ask(usualRules(longest))} />
      <${Problem} error=${error} />
    <//>
    ${answers.length > 0 && html`<${Answers} sweep=${sweep} answers=${answers} chosen=${chosen} onchoose=${setChosen} onclear=${() => setAnswers([])} />`}
    ${shown && html`<${Drawn} sweep=${sweep} trials=${trials} answer=${shown} />`}
  `;
}

/** Of several answers the one that saves most without losing the best trial. */
function worthALook(answers) {
  const worth = ({ best_survives: survives, saved_percent: saved }) => (survives ? 100 : 0) + saved;
  return answers.reduce((best, one) => (worth(one) > worth(best) ? one : best));
}

/** One answer with its rule in words, whether it comes alone or in a list. */
async function replayed(name, body) {
  const reply = await post(sweepUrl(name, "whatif"), body);
  const one = reply.what_if?.[0] ?? reply;
  return { ...one, history: reply.history ?? one.history ?? null, text: ruleText({ policy: one.early_termination, scheduler: one.scheduler }) };
}

function RuleForm({ rule, texts, problems, onrule, ontext, busy, onask, onall }) {
  const id = useId();
  const submit = (event) => {
    event.preventDefault();
    if (!busy && problems.size === 0) onask();
  };
  const options = RULES.map(({ key, title }) => ({ value: key, label: title }));
  return html`
    <form class="rule-form" onSubmit=${submit}>
      <${Pick} label="Rule" value=${rule.key} options=${options} onchange=${onrule} />
      ${rule.settings.map(({ name, label, isReal }) => html`
        <div class="control" key=${`${rule.key} ${name}`}>
          <label for=${`${id}-${name}`}>${label}</label>
          <input id=${`${id}-${name}`} class="short" inputmode=${isReal ? "decimal" : "numeric"} autocomplete="off" value=${texts[name]} aria-invalid=${problems.has(name)}
            aria-describedby=${problems.has(name) ? `${id}-${name}-wrong` : undefined} onInput=${(event) => ontext(name, event.target.value)} />
          ${problems.has(name) && html`<small id=${`${id}-${name}-wrong`} class="wrong">${problems.get(name)}</small>`}
        </div>`)}
      <div class="control row">
        <button type="submit" class="primary" disabled=${Boolean(busy) || problems.size > 0}>Ask</button>
        <button type="button" disabled=${Boolean(busy)} onClick=${onall}>All of them</button>
      </div>
      <p class="hint" role="status">${busy || rule.about}</p>
    </form>
  `;
}

function Answers({ sweep, answers, chosen, onchoose, onclear }) {
  const { history } = answers[0];
  return html`
    <${Panel} title="What would have come of it" aside=${html`<button type="button" class="small" onClick=${onclear}>Clear</button>`}>
      <div class="scroll-x" tabindex="0" role="region" aria-label="What other rules would have made of it">
        <table class="plain answers">
          <thead><tr><th scope="col">Rule</th>${["Trials", "Stopped", "at report", "Reports", "Saved", sweep.metric, "Rank"].map((title) => html`<th scope="col" class="right">${title}</th>`)}<th scope="col">The best trial</th><th scope="col" class="right">Time</th></tr></thead>
          <tbody>
            ${history && html`<tr><th scope="row">as it was</th>${[whole(history.trials), whole(history.stopped), "–", whole(history.reports), "–", number(history.best_value), "–"].map((cell) => html`<td class="right">${cell}</td>`)}
              <td>${history.best_trial === null ? "–" : html`<${TrialLink} sweep=${sweep.name} number=${history.best_trial} />`}</td><td class="right">${duration(history.seconds)}</td></tr>`}
            ${answers.map((one) => html`
              <tr key=${one.text} class=${one.text === chosen ? "is-chosen" : ""}>
                <th scope="row"><button type="button" class="link" aria-pressed=${one.text === chosen} onClick=${() => onchoose(one.text)}>${one.text}</button></th>
                <td class="right">${whole(one.trials)}</td>
                <td class="right">${whole(one.stopped)}</td>
                <td class="right">${spanOf(one)}</td>
                <td class="right">${whole(one.reports)}</td>
                <td class="right"><b>${Math.round(one.saved_percent)} %</b></td>
                <td class="right">${number(one.best_value)}</td>
                <td class="right">${one.rank ?? "–"}</td>
                <td>${fateOf(one)}</td>
                <td class="right" title="simulated, from report to report">~${duration(one.seconds)}</td>
              </tr>`)}
          </tbody>
        </table>
      </div>
      <p class="hint">Rank: where the best it would have found stands among all trials' results. Times with ~ leave out starting and ending.</p>
      ${answers.some(({ cut }) => cut > 0) && html`
        <details class="hint"><summary>Some of it nobody knows</summary>
          <p>Trials that were stopped in fact, and would not have been, end with their record here: ${answers.filter(({ cut }) => cut > 0).map(({ text, cut }) => `${counted(cut, "trial")} under ${text}`).join("; ")}.</p>
        </details>`}
      ${answers.filter(({ status }) => status === "failed").map((one) => html`<${Note} key=${`${one.text} failed`} tone="bad">${one.text}: it would have failed: ${one.reason}<//>`)}
    <//>
  `;
}

/** At which reports trials would have been stopped. */
function spanOf({ runs }) {
  const at = runs.filter(({ status }) => status === "pruned").map(({ reports }) => reports);
  if (at.length === 0) return "–";
  const [first, last] = [Math.min(...at), Math.max(...at)];
  return first === last ? String(first) : `${first} to ${last}`;
}

function fateOf({ history, runs, best_survives: survives }) {
  const best = history?.best_trial;
  if (best === null || best === undefined) return survives ? "survives" : "is stopped";
  const run = runs.find(({ trial }) => trial === best);
  if (!run) return html`<span class="wrong">trial ${best} is not begun</span>`;
  return survives ? html`<span class="fine">trial ${best} survives</span>` : html`<span class="wrong">trial ${best} is stopped at ${run.reports}</span>`;
}

/** The curves with each trial cut where the rule would have stopped it. */
function Drawn({ sweep, trials, answer }) {
  const [view, setView] = useState("cut");
  const { data, error } = useLoad(sweepUrl(sweep.name, "curves"));
  const model = useMemo(() => {
    if (!data) return null;
    const states = new Map(answer.runs.map((run) => [run.trial, run.status]));
    // Dimmed is who would have been stopped, in both views.
    const played = { ...trials, phase: trials.number.map((one, row) => states.get(one) ?? (trials.phase[row] === "failed" ? "failed" : "pruned")) };
    const reports = new Map(trials.number.map((one, row) => [one, trials.reports[row]]));
    const curves = view === "cut" ? cutCurves(data, answer.runs, reports) : data;
    return { sweep, trials: played, curves, logX: false, logY: false, smoothing: 0, selected: null, hovered: null };
  }, [data, sweep, trials, answer, view]);
  const options = [{ value: "cut", label: "As it would have been" }, { value: "whole", label: "As it was" }];
  return html`
    <${Panel} title="Where each would have been cut" aside=${html`<${Switch} label="Which curves" value=${view} options=${options} onchange=${setView} />`}>
      <p class="hint">${answer.text}: ${counted(answer.stopped, "trial")} stopped; their lines are dimmed.</p>
      <${Problem} error=${error} />
      ${model && html`<${Chart} of=${Curves} model=${model} height=${380} />`}
    <//>
  `;
}
