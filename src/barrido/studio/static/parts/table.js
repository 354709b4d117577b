import { html, useLayoutEffect, useMemo, useRef, useState } from "preact";
import { useScrollWindow } from "studio/lib/scroll_window.js";
import { cellText } from "studio/lib/columns.js";
import { NOTHING } from "studio/lib/formats.js";
import { isOver } from "studio/lib/trials.js";
import { go, trialHref } from "studio/lib/routes.js";
import { TrialStatus } from "studio/parts/status.js";

const ROW_PX = 34;
const BELOW_PX = 18; // room for a scroll bar

/**
 * Trials as a grid of which only the rows in sight are in the page. `rows`: places in the table, in their order;
 * `selected`: a Set of numbers; `sort`: [{key, isDown}].
 */
export function TrialTable({ sweep, table, rows, columns, sort, onsort, selected, onselect, now }) {
  const box = useRef(null);
  const [active, setActive] = useState(null); // the number of the trial that the keyboard is at
  const anchor = useRef(null); // where a range that shift selects begins
  const { first, last, pool, reveal, page } = useScrollWindow(box, rows.length, ROW_PX);
  const place = useMemo(() => (active === null ? -1 : rows.findIndex((row) => table.number[row] === active)), [rows, active, table]);
  const best = sweep.best?.trial;
  // A row that is drawn keeps its picture until something in the table changes: scrolling draws new rows only.
  const drawn = useMemo(() => new Map(), [table, rows, columns, selected, active, now, best]);

  const numberAt = (at) => table.number[rows[at]];
  const range = (from, to) => rows.slice(Math.min(from, to), Math.max(from, to) + 1).map((row) => table.number[row]);
  const moveTo = (at, isExtending) => {
    const to = Math.max(0, Math.min(rows.length - 1, at));
    if (isExtending) {
      anchor.current ??= Math.max(0, place);
      onselect(new Set([...selected, ...range(anchor.current, to)]));
    } else anchor.current = to;
    setActive(numberAt(to));
    reveal(to);
  };
  const toggle = (at, isRange) => {
    const number = numberAt(at);
    const next = new Set(selected);
    const isOn = !next.has(number);
    const numbers = isRange && anchor.current !== null ? range(anchor.current, at) : [number];
    for (const one of numbers) next[isOn ? "add" : "delete"](one);
    anchor.current = at;
    onselect(next);
  };
  const onKeyDown = (event) => {
    if (rows.length === 0 || event.altKey || event.target !== event.currentTarget) return;
    const steps = { ArrowDown: place + 1, ArrowUp: place - 1, PageDown: place + page(), PageUp: place - page(), Home: 0, End: rows.length - 1 };
    if (event.key in steps) moveTo(place < 0 && event.key === "ArrowUp" ? 0 : steps[event.key], event.shiftKey);
    else if (event.key === "Enter" && place >= 0) go(trialHref(sweep.name, active));
    else if (event.key === " " && place >= 0) toggle(place, event.shiftKey);
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) onselect(new Set(rows.map((row) => table.number[row])));
    else if (event.key === "Escape" && selected.size) onselect(new Set());
    else return;
    event.preventDefault();
  };
  const atOf = (event) => Number(event.target.closest("[data-at]")?.dataset.at ?? -1);
  const onClick = (event) => {
    const at = atOf(event);
    if (at < 0 || event.target.closest("a")) return;
    if (event.target.closest(".check")) {
      toggle(at, event.shiftKey);
      if (event.shiftKey) getSelection().removeAllRanges();
    } else if (event.shiftKey && place >= 0) {
      moveTo(at, true);
      getSelection().removeAllRanges();
    } else if (event.ctrlKey || event.metaKey) toggle(at, false);
    else anchor.current = at;
    setActive(numberAt(at));
  };
  const onDblClick = (event) => {
    const at = atOf(event);
    if (at >= 0 && !event.target.closest(".check, a")) go(trialHref(sweep.name, numberAt(at)));
  };
  const onFocus = () => {
    if (active === null && rows.length) setActive(numberAt(Math.min(rows.length - 1, Math.ceil(box.current.scrollTop / ROW_PX))));
  };

  const shown = [];
  for (let at = first; at < last; at++) {
    const row = rows[at];
    // Keys from a pool: what scrolls out at one end is written anew at the other, nothing is made or thrown away.
    if (!drawn.has(row)) {
      const number = table.number[row];
      const marks = { isSelected: selected.has(number), isActive: at === place, isBest: number === best };
      drawn.set(row, html`<${Row} key=${at % pool} ...${{ sweep, table, row, at, columns, now, ...marks }} />`);
    }
    shown.push(drawn.get(row));
  }
  const isAll = rows.length > 0 && rows.every((row) => selected.has(table.number[row]));
  return html`
    <div class="trials-box" ref=${box} role="grid" tabindex="0" aria-label=${`Trials of ${sweep.name}`} aria-multiselectable="true"
      style=${{ maxHeight: `${(rows.length + 1) * ROW_PX + BELOW_PX}px` }} aria-rowcount=${rows.length + 1} aria-colcount=${columns.length + 1} aria-activedescendant=${place >= first && place < last ? `trial-${active}` : undefined}
      onKeyDown=${onKeyDown} onClick=${onClick} onDblClick=${onDblClick} onFocus=${onFocus}>
      <table class="trials" role="presentation" style=${{ width: `max(100%, ${columns.reduce((sum, one) => sum + one.width, 40)}px)` }}>
        <colgroup><col style=${{ width: "40px" }} />${columns.map(({ key, width }) => html`<col key=${key} style=${{ width: `${width}px` }} />`)}</colgroup>
        <thead role="rowgroup">
          <tr role="row" aria-rowindex="1">
            <th role="columnheader" class="check"><${AllBox} isAll=${isAll} isSome=${selected.size > 0} onchange=${() => onselect(new Set(isAll ? [] : rows.map((row) => table.number[row])))} /></th>
            ${columns.map((column) => html`<${Head} key=${column.key} ...${{ column, sort, onsort }} />`)}
          </tr>
        </thead>
        <tbody role="rowgroup">
          ${first > 0 && html`<tr key="above" aria-hidden="true" class="spacer" style=${{ height: `${first * ROW_PX}px` }}><td colspan=${columns.length + 1}></td></tr>`}
          ${shown}
          ${last < rows.length && html`<tr key="below" aria-hidden="true" class="spacer" style=${{ height: `${(rows.length - last) * ROW_PX}px` }}><td colspan=${columns.length + 1}></td></tr>`}
        </tbody>
      </table>
    </div>
  `;
}

function AllBox({ isAll, isSome, onchange }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    box.current.indeterminate = isSome && !isAll;
  }, [isAll, isSome]);
  return html`<input type="checkbox" ref=${box} checked=${isAll} onChange=${onchange} aria-label="Select all that are listed" />`;
}

function Head({ column, sort, onsort }) {
  const place = sort.findIndex(({ key }) => key === column.key);
  const order = place < 0 ? undefined : sort[place].isDown ? "descending" : "ascending";
  return html`
    <th role="columnheader" class=${`${cellClass(column)}`} aria-sort=${order}>
      <button type="button" title=${`${column.isParam ? "Parameter " : ""}${column.label}: click to sort, with shift to sort by it as well`} onClick=${(event) => onsort(column, event.shiftKey)}>
        <span>${column.label}</span>
        <i aria-hidden="true">${order ? (order === "descending" ? "▼" : "▲") : ""}${order && sort.length > 1 ? place + 1 : ""}</i>
      </button>
    </th>
  `;
}

function Row({ sweep, table, row, at, columns, now, isSelected, isActive, isBest }) {
  const number = table.number[row];
  const isLive = !isOver(table.phase[row]) && table.phase[row] !== "queued";
  const names = [isSelected && "selected", isActive && "active", isBest && "best", isLive && "going"].filter(Boolean).join(" ");
  return html`
    <tr role="row" id=${`trial-${number}`} data-at=${at} class=${names} aria-rowindex=${at + 2} aria-selected=${isSelected}>
      <td role="gridcell" class="check"><input type="checkbox" tabindex="-1" checked=${isSelected} aria-label=${`Select trial ${number}`} /></td>
      ${columns.map((column) => html`<td role="gridcell" key=${column.key} class=${cellClass(column)}>${cell(column, { sweep, table, row, now, number, isBest, isLive })}</td>`)}
    </tr>
  `;
}

function cell(column, { sweep, table, row, now, number, isBest, isLive }) {
  if (column.key === "number") return html`<a tabindex="-1" href=${trialHref(sweep.name, number)}>${number}</a>`;
  if (column.key === "status") return html`<${TrialStatus} phase=${table.phase[row]} status=${table.status[row]} />`;
  const text = cellText(column, table, row, now);
  if (text === NOTHING) return html`<span class="muted" aria-label="none">${text}</span>`;
  if (column.key === "value" && isBest) return html`<b class="star" title="The best so far"><i aria-hidden="true">★</i><span class="visually-hidden">best </span>${text}</b>`;
  if (isLive && (column.key === "value" || column.key === "last" || column.key === "reports")) return html`<span key=${text} class="news">${text}</span>`;
  return column.kind === "text" ? html`<span title=${text.length > 14 ? text : undefined}>${text}</span>` : text;
}

function cellClass({ key, kind }) {
  return `${kind === "number" || kind === "duration" ? "right" : ""}${key === "number" ? " pinned" : ""}`;
}
