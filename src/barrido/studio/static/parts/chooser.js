import { html, useRef } from "preact";
import { usePopup } from "studio/parts/popup.js";

/** Which columns are shown: `chosen` is {key: isShown} where it differs from what a column shows by itself. */
export function ColumnChooser({ columns, chosen, onchange }) {
  const root = useRef(null);
  const [isOpen, setOpen] = usePopup(root);
  const onKeyDown = (event) => {
    if (event.key !== "Escape") return;
    setOpen(false);
    root.current.querySelector("button").focus();
  };
  const isShown = ({ key, isShown: byItself }) => chosen[key] ?? byItself;
  const turn = (some, isOn) => onchange({ ...chosen, ...Object.fromEntries(some.map(({ key }) => [key, isOn])) });
  const group = (title, some) => some.length > 0 && html`
    <fieldset>
      <legend>
        ${title}
        ${some.length > 6 && [["all", true], ["none", false]].map(([word, isOn]) => html`<button type="button" key=${word} class="small quiet" onClick=${() => turn(some, isOn)}>${word}</button>`)}
      </legend>
      ${some.map((one) => html`
        <label key=${one.key} class="inline"><input type="checkbox" checked=${isShown(one)} onChange=${() => turn([one], !isShown(one))} /><span>${one.label}</span></label>`)}
    </fieldset>`;
  return html`
    <div class="menu" ref=${root} onKeyDown=${onKeyDown}>
      <button type="button" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>Columns <span aria-hidden="true" class="caret">▾</span></button>
      ${isOpen && html`
        <div class="menu-list chooser" role="group" aria-label="Columns">
          ${group("Trial", columns.filter((one) => !one.isParam && one.key !== "number"))}
          ${group("Parameters", columns.filter((one) => one.isParam))}
          <button type="button" class="small" onClick=${() => onchange({})}>As at first</button>
        </div>`}
    </div>
  `;
}
