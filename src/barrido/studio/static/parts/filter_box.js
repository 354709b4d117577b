import { html, useId } from "preact";

/**
 * Where a filter is typed; what is wrong is said at once, with its place. The last filter that was right stays in force.
 * A filter that works hides the help, which would lie over what it finds.
 */
export function FilterBox({ text, onchange, error, columns }) {
  const id = useId();
  const names = columns.flatMap((one) => one.names.slice(0, 1)).filter((name) => name.length < 40);
  return html`
    <div class="filter grow">
      <label class="visually-hidden" for=${id}>Filter the trials</label>
      <input id=${id} type="search" value=${text} placeholder="Filter:  lr < 0.1 and status = Completed or solver in (adam, sgd)" autocomplete="off" spellcheck=${false}
        aria-invalid=${Boolean(error)} aria-describedby=${`${id}-help`} onInput=${(event) => onchange(event.target.value)}
        onKeyDown=${(event) => event.key === "Escape" && onchange("")} />
      ${text && html`<button type="button" class="quiet icon clear" aria-label="Clear the filter" onClick=${() => onchange("")}>✕</button>`}
      <div id=${`${id}-help`} class="filter-help" hidden=${Boolean(text) && !error}>
        ${error
          ? html`<p class="wrong" role="alert"><code>${text.slice(0, error.at)}<mark>${text.slice(error.at, error.at + error.length) || " "}</mark>${text.slice(error.at + error.length)}</code> ${error.message}</p>`
          : html`<p>
              <code>= != < <= > >=</code> compare, <code>~</code> contains, <code>in (a, b)</code>, <code>none</code> is missing,
              ${" "}<code>and or not ( )</code>, times like <code>5m</code>; odd names in <code>\`backticks\`</code>.
            </p>
            <p>Columns: ${names.map((name, i) => html`${i > 0 && ", "}<code>${/^[^\s\`"'=<>~!(),]+$/.test(name) ? name : `\`${name}\``}</code>`)}</p>`}
      </div>
    </div>
  `;
}
