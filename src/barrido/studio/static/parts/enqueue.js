import { html, useId, useState } from "preact";
import { number } from "studio/lib/formats.js";
import { draftOf, readDraft } from "studio/lib/space.js";
import { WishDialog } from "studio/parts/wish.js";

/** A form for one point of a sweep's space, filled with the best trial's; `send(params)`. */
export function EnqueueDialog({ sweep, start, from, send, onclose }) {
  const space = sweep.recipe?.space ?? {};
  const id = useId();
  const [draft, setDraft] = useState(() => draftOf(space, start ?? {}));
  const { fields, params, problems } = readDraft(space, sweep.space, draft);
  const put = (path, value) => setDraft({ ...draft, [path]: value });
  return html`
    <${WishDialog} title="Add a trial" verb="Add trial" onclose=${onclose} send=${() => send(params)} isReady=${problems.size === 0}>
      <p class="hint">It is run before any point that is sampled, and there will be one trial more than there was to be. ${from}</p>
      ${fields.map((field, i) => html`<${Field} key=${field.path} id=${`${id}-${i}`} field=${field} problem=${problems.get(field.path)} first=${i === 0} onchange=${(value) => put(field.path, value)} />`)}
    <//>
  `;
}

function Field({ id, field, problem, first, onchange }) {
  const { name, kind, value, depth } = field;
  const about = kind === "category" ? "" : rangeText(field);
  return html`
    <div class="field" style=${{ marginInlineStart: `${depth * 20}px` }}>
      <label for=${id}><code>${name}</code></label>
      ${kind === "category"
        ? html`<select id=${id} autofocus=${first} value=${String(value)} onChange=${(event) => onchange(event.target.value)}>
            ${field.choices.map((text, i) => html`<option value=${String(i)}>${text}</option>`)}
          </select>`
        : html`<input id=${id} autofocus=${first} inputmode=${kind === "integer" ? "numeric" : "decimal"} autocomplete="off" value=${value}
            aria-invalid=${Boolean(problem)} aria-describedby=${`${id}-about`} onInput=${(event) => onchange(event.target.value)} />`}
      <small id=${`${id}-about`} class=${problem ? "wrong" : "hint"}>${problem ? `${problem}${about && `; ${about}`}` : about}</small>
    </div>
  `;
}

function rangeText({ kind, low, high, scale }) {
  const noun = kind === "integer" ? "a whole number" : "a number";
  const how = scale === "log" ? ", drawn on a logarithmic scale" : "";
  if (low !== null && high !== null) return `${noun} from ${number(low)} to ${number(high)}${how}`;
  return low !== null ? `${noun} from ${number(low)} on${how}` : `${noun}${how}`;
}
