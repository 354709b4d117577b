import { html, useEffect, useMemo, useRef, useState } from "preact";
import { post } from "studio/lib/api.js";
import { useChoice } from "studio/lib/choices.js";
import { counted, duration, number, whole } from "studio/lib/formats.js";
import { go, sweepHref } from "studio/lib/routes.js";
import { TEMPLATES } from "studio/lib/templates.js";
import { remember, stored } from "studio/lib/theme.js";
import { Note, Panel, Problem } from "studio/parts/boxes.js";
import { Editor } from "studio/parts/editor.js";
import { toast } from "studio/parts/toast.js";

const WAIT_MS = 300;
const DRAFT = "barrido.new.yaml";

/** A sweep written in the browser: checked while it is typed, created when nothing is wrong. */
export default function NewSweepPage({ query }) {
  const [template, setTemplate] = useChoice(query, "template", "");
  const [text, setText] = useState(() => (template ? templateText(template) : stored(DRAFT) ?? templateText("random")));
  const [folder, setFolder] = useState("");
  const [undo, setUndo] = useState(() => (isWritten(stored(DRAFT)) && stored(DRAFT) !== text ? stored(DRAFT) : null));
  const check = useCheck(text, folder);
  const editor = useRef(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const type = (next) => {
    setText(next);
    remember(DRAFT, next);
  };
  const edit = (next) => {
    type(next);
    if (template) setTemplate(""); // what the address names is not what stands here any more
  };
  const take = (key) => {
    if (isWritten(text)) setUndo(text);
    setTemplate(key);
    type(templateText(key));
  };
  const problems = check.answer?.problems ?? [];
  const isReady = !busy && !check.isWaiting && check.answer && problems.length === 0;
  const create = async () => {
    if (!isReady) return;
    setBusy(true);
    setError(null);
    try {
      const { name } = await post("/api/sweeps", { yaml: text, folder: folder.trim() || null });
      remember(DRAFT, null);
      toast(`${name} was created`, "good");
      go(sweepHref(name));
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  const marks = useMemo(() => new Set(problems.map(({ line }) => line).filter(Boolean)), [check.answer]);
  return html`
    <div class="page-head"><h1 tabindex="-1">New sweep</h1></div>
    <div class="templates" role="group" aria-label="Start from">
      ${TEMPLATES.map(({ key, title, about, yaml }) => html`
        <button type="button" key=${key} aria-pressed=${yaml === text} onClick=${() => take(key)}><b>${title}</b><small>${about}</small></button>`)}
    </div>
    ${undo !== null && html`<${Note}>What you had written was replaced. <button type="button" class="small" onClick=${() => { edit(undo); setUndo(null); }}>Bring it back</button><//>`}
    <div class="new-sweep">
      <div>
        <${Editor} label="The sweep, as YAML" text=${text} onchange=${edit} marks=${marks} control=${editor} />
        <label class="field"><span>Folder where relative paths begin</span>
          <input value=${folder} placeholder="where the studio was started" autocomplete="off" spellcheck=${false} onInput=${(event) => setFolder(event.target.value)} />
        </label>
        <${Problem} error=${error} title=${error && "It was not created"} />
        <button type="button" class="primary" aria-disabled=${!isReady} title=${isReady ? "" : whyNot(check, problems)} onClick=${() => (isReady ? create() : toast(whyNot(check, problems)))}>${busy ? "Creating…" : "Create the sweep"}</button>
      </div>
      <${Checked} check=${check} online=${(line) => editor.current.select(line)} />
    </div>
  `;
}

/** Whether somebody would miss it. */
function isWritten(text) {
  return Boolean(text?.trim()) && !TEMPLATES.some(({ yaml }) => yaml === text);
}

function templateText(key) {
  return (TEMPLATES.find((one) => one.key === key) ?? TEMPLATES[0]).yaml;
}

function whyNot({ error }, problems) {
  if (problems.length > 0) return `${counted(problems.length, "problem")} to solve first`;
  return error ? "It could not be checked" : "Still checking";
}

/** `{answer, isWaiting, error}` of what is typed: asked when the typing pauses, answers that came too late are dropped. */
function useCheck(text, folder) {
  const [state, setState] = useState({ answer: null, of: null, error: null });
  const asked = JSON.stringify([text, folder]);
  useEffect(() => {
    const stopper = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const answer = await post("/api/validate", { yaml: text, folder: folder.trim() || null }, { signal: stopper.signal });
        setState({ answer, of: asked, error: null });
      } catch (error) {
        if (!stopper.signal.aborted) setState((old) => ({ ...old, of: asked, error }));
      }
    }, WAIT_MS);
    return () => {
      clearTimeout(timer);
      stopper.abort();
    };
  }, [asked]);
  return { answer: state.answer, error: state.error, isWaiting: state.of !== asked };
}

function Checked({ check: { answer, error, isWaiting }, online }) {
  const { problems = [], notices = [], summary = [], plan = null } = answer ?? {};
  // Of a plan the summary has the table too, as lines for a terminal
  const planned = plan?.brackets.length ? summary.findIndex((line) => line.startsWith(`${plan.scheduler.type}: `)) : -1;
  const lines = planned < 0 ? summary : summary.slice(0, planned);
  const said = !answer ? "Checking…" : problems.length > 0 ? counted(problems.length, "problem") : "Nothing is wrong";
  return html`
    <div class="checked stack" aria-busy=${isWaiting}>
      <${Panel} title=${html`<span role="status" class=${answer ? (problems.length ? "wrong" : "fine") : ""}>${said}</span>`}>
        <${Problem} error=${error} title=${error && "It cannot be checked"} />
        ${problems.length > 0 && html`
          <ul class="problems">
            ${problems.map(({ path, line, what, hint }) => html`
              <li>
                ${line ? html`<button type="button" class="link" onClick=${() => online(line)}>line ${line}</button>: ` : ""}
                ${path && html`<code>${path}</code> `}${what}${hint && html`<div class="hint">${hint}</div>`}
              </li>`)}
          </ul>`}
        ${problems.length === 0 && lines.length > 0 && html`<ul class="summary">${lines.map((line) => html`<li>${line}</li>`)}</ul>`}
      <//>
      ${notices.length > 0 && html`<${Panel} title="Good to know"><ul class="notices">${notices.map((notice) => html`<li>${notice}</li>`)}</ul><//>`}
      ${plan && problems.length === 0 && plan.brackets.length > 0 && html`<${Plan} plan=${plan} />`}
    </div>
  `;
}

/** What a scheduler is going to do: its brackets, and what they come to. */
function Plan({ plan }) {
  const shapes = new Map();
  for (const bracket of plan.brackets) {
    const key = JSON.stringify(bracket);
    shapes.set(key, { bracket, times: (shapes.get(key)?.times ?? 0) + 1 });
  }
  const rows = [...shapes.values()];
  const isRepeated = rows.some(({ times }) => times > 1);
  return html`
    <${Panel} title="What it is going to do">
      <p>${plan.scheduler.type}: ${counted(plan.trials, "trial")}${plan.resource !== null && `, ${whole(plan.resource)} ${plan.unit}, as much as ${number(plan.full_trainings, 3)} full trainings of ${plan.scheduler.max_resource}`}</p>
      <div class="scroll-x" tabindex="0" role="region" aria-label="Brackets">
        <table class="plain">
          <thead><tr><th scope="col" class="right">Bracket</th>${isRepeated && html`<th scope="col" class="right">Times</th>`}<th scope="col" class="right">Trials</th><th scope="col">How many come to each rung</th><th scope="col" class="right">${plan.unit}</th></tr></thead>
          <tbody>
            ${rows.map(({ bracket, times }) => html`
              <tr><td class="right">${bracket.s}</td>${isRepeated && html`<td class="right">${times}</td>`}<td class="right">${whole(bracket.configurations * times)}</td>
                <td>${bracket.rungs.map(({ trials, resource }) => `${trials} at ${resource}`).join(", ")}</td><td class="right">${whole(bracket.resource * times)}</td></tr>`)}
          </tbody>
        </table>
      </div>
      ${plan.note && html`<p class="hint">${plan.note}</p>`}
      ${plan.seconds !== null && html`<p>About ${duration(plan.seconds)} with ${counted(plan.max_concurrent_trials, "trial")} at a time.</p>`}
    <//>
  `;
}
