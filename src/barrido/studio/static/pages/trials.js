import { html, useEffect, useMemo, useRef, useState } from "preact";
import { sweepUrl } from "studio/lib/api.js";
import { useNow } from "studio/lib/clock.js";
import { arrange, columnsOf } from "studio/lib/columns.js";
import { parseFilter } from "studio/lib/filter.js";
import { counted, whole } from "studio/lib/formats.js";
import { compareHref, replaceQuery } from "studio/lib/routes.js";
import { useRemembered } from "studio/lib/theme.js";
import { MOST_COMPARED, trialAt } from "studio/lib/trials.js";
import { Empty } from "studio/parts/boxes.js";
import { ColumnChooser } from "studio/parts/chooser.js";
import { FilterBox } from "studio/parts/filter_box.js";
import { Menu } from "studio/parts/menu.js";
import { TrialActions } from "studio/parts/steer.js";
import { TrialTable } from "studio/parts/table.js";

const NOTHING_CHOSEN = {};
const selections = new Map(); // by sweep: what was selected stays so on the way to a trial and back

export default function Trials({ name, sweep, trials, lostAt, query }) {
  const [text, setText] = useState(query.get("filter") ?? "");
  const [sort, setSort] = useState(() => sortFrom(query.get("sort")));
  const [chosen, setChosen] = useRemembered("barrido.columns", NOTHING_CHOSEN); // {key: isShown}, where people chose
  const [selected, setSelected] = useState(() => selections.get(name) ?? new Set());
  const isMoving = sweep.is_running && Boolean(sweep.counts.running || sweep.counts.launching || sweep.counts.paused);
  const now = useNow(isMoving, lostAt);

  const all = useMemo(() => columnsOf(sweep, trials), [sweep.metric, sweep.space, trials]);
  const columns = useMemo(() => all.filter((one) => chosen[one.key] ?? one.isShown), [all, chosen]);
  const right = useRef(null); // the last filter that could be read stays in force while the next one is typed
  const { test, error } = useMemo(() => filterOf(text, all, right), [text, all]);
  const byTime = /\b(time|duration)\b/i.test(text) || sort.some(({ key }) => key === "duration");
  const tick = byTime ? now : 0; // rows are arranged anew by the clock only if it has a say
  const rows = useMemo(() => arrange(trials, { columns: all, test, sort, now }), [trials, all, test, sort, tick]);

  useEffect(() => {
    setText(query.get("filter") ?? "");
    setSort(sortFrom(query.get("sort")));
  }, [query]); // a link to this page was followed while it was open
  useEffect(() => replaceQuery({ filter: error ? null : text, sort: sort.map(({ key, isDown }) => `${isDown ? "-" : ""}${key}`).join(",") }), [text, sort]);
  const select = (numbers) => {
    selections.set(name, numbers);
    setSelected(numbers);
  };
  const sortBy = (column, isAlso) => setSort(sortWith(sort, column, isAlso, sweep));

  const total = trials.number.length;
  const exports = [
    { label: "CSV", hint: "all trials, a row each", href: sweepUrl(name, "export.csv"), download: "" },
    { label: "JSON", hint: "all trials with their curves", href: sweepUrl(name, "export.json"), download: "" },
    { label: "Report", hint: "one HTML page that needs no server", href: sweepUrl(name, "report.html"), download: "" },
  ];
  const compared = [...selected].sort((a, b) => a - b).slice(0, MOST_COMPARED);
  const only = selected.size === 1 ? trialAt(trials, [...selected][0]) : null;
  return html`
    <div class="toolbar">
      <${FilterBox} text=${text} onchange=${setText} error=${error} columns=${all} />
      <${ColumnChooser} columns=${all} chosen=${chosen} onchange=${setChosen} />
      <${Menu} label="Export" items=${exports} />
    </div>
    <div class="under-toolbar">
      <span aria-live="polite">
        ${error && html`<span class="wrong">${test ? "The filter before it is in force" : "No filter is in force"}: </span>`}
        ${test ? html`<b>${whole(rows.length)}</b> of ${counted(total, "trial")}` : counted(total, "trial")}
      </span>
      ${selected.size > 0 && html`
        <span class="selection">
          <b>${whole(selected.size)} selected</b>
          ${selected.size > 1 && html`<a class="button small primary" href=${compareHref(name, compared)}>Compare${selected.size > MOST_COMPARED && ` the first ${MOST_COMPARED}`}</a>`}
          ${only && html`<${TrialActions} sweep=${sweep} trial=${only} />`}
          <button type="button" class="small quiet" onClick=${() => select(new Set())}>Clear</button>
        </span>`}
    </div>
    ${total === 0
      ? html`<${Empty} title="No trial yet"><p class="hint">${sweep.is_running ? "The first ones appear here as soon as they start." : "This sweep ended before a trial started."}</p><//>`
      : rows.length === 0
        ? html`<${Empty} title="No trial passes the filter"><p><button type="button" onClick=${() => setText("")}>Show all</button></p><//>`
        : html`<${TrialTable} ...${{ sweep, table: trials, rows, columns, sort, onsort: sortBy, selected, onselect: select, now }} />
          <p class="hint keys">↑ ↓ move · Enter opens · Space selects, with Shift a range · click a heading to sort, with Shift by several</p>`}
  `;
}

function filterOf(text, columns, right) {
  try {
    right.current = parseFilter(text, columns);
    return { test: right.current, error: null };
  } catch (error) {
    if (error.at === undefined) throw error;
    return { test: right.current, error };
  }
}

function sortFrom(text) {
  return (text ?? "").split(",").filter(Boolean).map((one) => (one[0] === "-" ? { key: one.slice(1), isDown: true } : { key: one, isDown: false }));
}

/** A heading's clicks: best (or least) first, the other way round, not at all. */
function sortWith(sort, { key }, isAlso, sweep) {
  const first = (key === "value" || key === "last" || key === "expected") && sweep.goal === "maximize";
  const old = sort.find((one) => one.key === key);
  const changed = !old ? { key, isDown: first } : old.isDown === first ? { key, isDown: !first } : null;
  if (!isAlso) return changed ? [changed] : [];
  return old ? sort.flatMap((one) => (one.key === key ? (changed ? [changed] : []) : [one])) : [...sort, changed];
}
