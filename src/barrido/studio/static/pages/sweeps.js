import { html, useState } from "preact";
import { useNow } from "studio/lib/clock.js";
import { ago, counted, duration, number, paramsText, sweepWord, time } from "studio/lib/formats.js";
import { useSweeps } from "studio/lib/live.js";
import { sweepHref, trialHref } from "studio/lib/routes.js";
import { Empty, Note, Problem, Waiting } from "studio/parts/boxes.js";
import { CopyButton } from "studio/parts/links.js";
import { Connection, Progress, SweepStatus } from "studio/parts/status.js";

const COMMANDS = [
  ["barrido job validate sweep.yml", "says everything that is wrong with it"],
  ["barrido job plan sweep.yml", "shows what will be run"],
  ["barrido job create sweep.yml", "starts it; it appears here"],
];

export default function Sweeps() {
  const { sweeps, workspace, unreadable, connection, lostAt, error } = useSweeps();
  const [text, setText] = useState("");
  const [withArchived, setWithArchived] = useState(false);
  const now = useNow(Boolean(sweeps?.some((one) => one.is_running)), lostAt);
  if (!sweeps) return html`<h1 tabindex="-1">Sweeps</h1>${error ? html`<${Problem} error=${error} />` : html`<${Waiting} height=${300} />`}`;
  const archived = sweeps.filter((one) => one.is_archived).length;
  const listed = withArchived ? sweeps : sweeps.filter((one) => !one.is_archived);
  const shown = listed.filter((one) => isMeant(one, text));
  const running = sweeps.filter((one) => one.is_running).length;
  return html`
    <div class="page-head">
      <h1 tabindex="-1">Sweeps</h1>
      <${Connection} state=${connection} />
      <a class="button primary" href="#/new">New sweep</a>
    </div>
    ${connection === "lost" && error && html`<${Problem} error=${error} />`}
    ${unreadable.length > 0 && html`<${Note} tone="warn">${unreadable.map((line) => html`<p>${line}</p>`)}<//>`}
    ${sweeps.length === 0 ? html`<${NoSweeps} workspace=${workspace} />` : html`
      <div class="toolbar">
        <input class="grow" type="search" value=${text} aria-label="Filter the sweeps" placeholder="Filter by name, status, tag, metric …" spellcheck=${false} autocomplete="off" onInput=${(event) => setText(event.target.value)} />
        <span class="hint" aria-live="polite">${text ? `${shown.length} of ` : ""}${counted(listed.length, "sweep")}${running > 0 && `, ${running} running`}</span>
        ${archived > 0 && html`<label class="inline"><input type="checkbox" checked=${withArchived} onChange=${() => setWithArchived(!withArchived)} />${archived} archived</label>`}
      </div>
      ${shown.length === 0 ? html`<${Empty} title=${text ? "No sweep matches" : "All sweeps are archived"}><p><button type="button" onClick=${() => { setText(""); setWithArchived(true); }}>Show all</button></p><//>` : html`
      <table class="sweeps">
        <thead>
          <tr>
            <th scope="col">Sweep</th><th scope="col">Status</th><th scope="col">Progress</th>
            <th scope="col" class="right">Best</th><th scope="col" class="right">Time</th><th scope="col" class="right">Started</th>
          </tr>
        </thead>
        <tbody>${shown.map((sweep) => html`<${SweepRow} key=${sweep.name} sweep=${sweep} now=${now} />`)}</tbody>
      </table>`}
      <p class="hint keys">in ${workspace}</p>`}
  `;
}

function SweepRow({ sweep, now }) {
  const passed = sweep.is_running ? Math.max(0, now - sweep.seen_at) : 0;
  const left = sweep.eta_s === null ? null : Math.max(0, sweep.eta_s - passed);
  const isKnown = sweep.is_running || sweep.ended_at; // else nobody knows when it came to a stop
  const isCommand = sweep.kind === "command";
  const methods = [sweep.sampler, sweep.scheduler !== "fifo" && sweep.scheduler, sweep.policy].filter(Boolean);
  const about = sweep.description || (isCommand ? "a single command" : methods.join(" · "));
  return html`
    <tr>
      <th scope="row">
        <a class="sweep-name" href=${sweepHref(sweep.name)}>${sweep.display_name || sweep.name}</a>
        ${sweep.display_name && sweep.display_name !== sweep.name && html` <small class="muted">${sweep.name}</small>`}
        <div class="about">${about}${Object.entries(sweep.tags).map(([key, value]) => html` <span class="tag" key=${key}>${value === "" ? key : `${key}: ${value}`}</span>`)}</div>
      </th>
      <td class="at-status"><${SweepStatus} status=${sweep.status} /></td>
      <td class="at-progress" title=${sweep.reason}>
        <${Progress} counts=${sweep.counts} total=${sweep.total} done=${sweep.done} />
        <small><b>${sweep.done}</b> of ${sweep.total}${sweep.counts.failed > 0 && html` · <span class="wrong">${sweep.counts.failed} failed</span>`}</small>
      </td>
      <td class="at-best right">${sweep.best
        ? html`<a href=${trialHref(sweep.name, sweep.best.trial)} title=${paramsText(sweep.best.params)}>${number(sweep.best.value)}</a><small class="muted">${sweep.metric}</small>`
        : html`<span class="muted">–</span>${sweep.metric && html`<small class="muted">${sweep.metric}</small>`}`}</td>
      <td class="at-time right">${isKnown ? duration(sweep.elapsed_s + passed) : "–"}${left !== null && sweep.is_running && html`<small class="muted">${duration(left)} left</small>`}</td>
      <td class="at-started right" title=${time(sweep.started_at ?? sweep.created_at)}>${ago(sweep.started_at ?? sweep.created_at, now)}</td>
    </tr>
  `;
}

/** Each word of the filter stands somewhere in what is known of a sweep. */
function isMeant(sweep, text) {
  const { name, display_name, description, note, experiment, metric, status, phase, sampler, scheduler, policy } = sweep;
  const texts = [name, display_name, description, note, experiment, metric, status, sweepWord(status), phase, sampler, scheduler, policy];
  const known = [...texts, ...Object.entries(sweep.tags).flat()].join("\n").toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => known.includes(word));
}

function NoSweeps({ workspace }) {
  return html`
    <${Empty} title="No sweep here yet">
      <p class="hint">Start one in a terminal, or <a href="#/new">write it here</a>.</p>
      <ol class="commands">
        ${COMMANDS.map(([command, does]) => html`<li><div class="command"><code>${command}</code><${CopyButton} text=${command} /></div><small class="muted">${does}</small></li>`)}
      </ol>
      <p class="hint">Sweeps are looked for in <code>${workspace}</code></p>
    <//>
  `;
}
