import { html } from "preact";

/** What went wrong, in the one shape: message, hint, and each problem with its place. `retry`: a function, or nothing. */
export function Problem({ error, title, retry }) {
  if (!error) return null;
  const problems = error.problems ?? [];
  return html`
    <div class="box problem" role="alert">
      <p class="box-title">${title ?? sentence(error.message)}</p>
      ${title && html`<p>${sentence(error.message)}</p>`}
      ${error.hint && html`<p class="hint">${error.hint}</p>`}
      ${problems.length > 0 && html`<${ProblemList} problems=${problems} />`}
      ${retry && html`<p><button type="button" onClick=${retry}>Try again</button></p>`}
    </div>
  `;
}

/** `[{path, line, what, hint}]` as a list, each with its place. */
function ProblemList({ problems }) {
  return html`
    <ul class="problems">
      ${problems.map(({ path, line, what, hint }) => html`
        <li>
          ${(path || line) && html`<code>${[line ? `line ${line}` : "", path].filter(Boolean).join(": ")}</code> `}
          ${what}${hint && html`<span class="hint"> ${hint}</span>`}
        </li>`)}
    </ul>
  `;
}

/** Nothing to show, and what to do about it. */
export function Empty({ title, children }) {
  return html`<div class="box empty"><p class="box-title">${title}</p>${children}</div>`;
}

/** Something to know. `tone`: info, good, warn or bad. */
export function Note({ tone = "info", children }) {
  return html`<div class=${`box note tone-${tone}`}>${children}</div>`;
}

/** Stands where something is about to be; its grey comes late, so that what is fast does not flicker. */
export function Waiting({ height = 120, label = "Loading" }) {
  return html`<div class="waiting" style=${{ minHeight: `${height}px` }} role="status"><span class="visually-hidden">${label}</span></div>`;
}

/** A part of a page with a heading of its own; `aside` stands at the heading's right. */
export function Panel({ title, aside, class: name = "", children }) {
  return html`
    <section class=${`panel ${name}`}>
      ${(title || aside) && html`<header class="panel-head"><h3>${title}</h3>${aside && html`<div class="panel-aside">${aside}</div>`}</header>`}
      ${children}
    </section>
  `;
}

/** Names and values under each other: `rows` is [[name, value]]; those without a value are left out. */
export function Facts({ rows }) {
  const shown = rows.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function sentence(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : "";
}
