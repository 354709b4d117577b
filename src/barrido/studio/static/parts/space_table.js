import { html } from "preact";
import { number, valueText } from "studio/lib/formats.js";

/** A search space in words; parameters that only some choices have stand under their condition. */
export function SpaceTable({ space }) {
  return html`
    <div class="scroll-x" tabindex="0" role="region" aria-label="Search space, table">
      <table class="plain space">
        <thead><tr><th scope="col">Parameter</th><th scope="col">Values</th><th scope="col">Distribution</th></tr></thead>
        <tbody>
          ${space.map((one) => html`
            <tr key=${one.name}>
              <th scope="row"><code>${one.name}</code>${one.condition && html`<small class="muted">if ${one.condition}</small>`}</th>
              <td>${valuesOf(one)}</td>
              <td class="muted"><code>${one.distribution}</code></td>
            </tr>`)}
        </tbody>
      </table>
    </div>
  `;
}

function valuesOf({ kind, scale, low, high, choices }) {
  if (choices) return choices.map((choice, i) => html`<span class="tag" key=${i}>${valueText(choice)}</span> `);
  if (low === null || high === null) return kind === "integer" ? "whole numbers" : "numbers";
  return `${number(low)} to ${number(high)}${kind === "integer" ? ", whole" : ""}${scale === "log" ? ", logarithmic" : ""}`;
}
