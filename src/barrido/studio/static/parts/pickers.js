import { html, useId } from "preact";

/** A row of controls above a chart. */
export function Controls({ label, children }) {
  return html`<div class="toolbar controls" role="group" aria-label=${label}>${children}</div>`;
}

/** A list to choose from; `options` are texts or {value, label}. */
export function Pick({ label, value, options, onchange }) {
  const id = useId();
  return html`
    <div class="control"><label for=${id}>${label}</label>
      <select id=${id} value=${value} onChange=${(event) => onchange(event.target.value)}>
        ${options.map((one) => html`<option value=${one.value ?? one} selected=${(one.value ?? one) === value}>${one.label ?? one}</option>`)}
      </select>
    </div>
  `;
}

export function Check({ label, value, onchange }) {
  return html`<label class="control"><input type="checkbox" checked=${value} onChange=${(event) => onchange(event.target.checked)} /> <span>${label}</span></label>`;
}

/** 0 to 1. */
export function Slider({ label, value, onchange }) {
  const id = useId();
  return html`
    <div class="control"><label for=${id}>${label}</label>
      <input id=${id} type="range" min="0" max="0.98" step="0.02" value=${value} onInput=${(event) => onchange(Number(event.target.value))} />
      <output for=${id}>${value ? value.toFixed(2) : "off"}</output>
    </div>
  `;
}

/** A few ways to see the same: `options` is [{value, label}]. */
export function Switch({ label, value, options, onchange }) {
  return html`
    <div class="switch" role="group" aria-label=${label}>
      ${options.map((one) => html`<button type="button" aria-pressed=${one.value === value} onClick=${() => onchange(one.value)}>${one.label}</button>`)}
    </div>
  `;
}
