import { html, useId, useState } from "preact";
import { WishDialog } from "studio/parts/wish.js";

/**
 * Note and tags of a sweep or a trial (`subject`, with what it has now): `send({note?, tags?})` gets what changed,
 * tags that are taken away as null.
 */
export function AnnotateDialog({ title, subject, send, onclose }) {
  const id = useId();
  const [note, setNote] = useState(subject.note ?? "");
  const [tags, setTags] = useState(() => Object.entries(subject.tags ?? {}).map(([key, value]) => ({ key, value: String(value) })));
  const put = (at, change) => setTags(tags.map((tag, i) => (i === at ? { ...tag, ...change } : tag)));
  const changes = changesOf(subject, note, tags);
  const keys = tags.map(({ key }) => key.trim()).filter(Boolean);
  const twice = keys.find((key, i) => keys.indexOf(key) !== i);
  return html`
    <${WishDialog} title=${title} verb="Save" onclose=${onclose} send=${() => send(changes)} isReady=${!twice && Object.keys(changes).length > 0}>
      <label class="field" for=${`${id}-note`}><span>Note</span>
        <textarea id=${`${id}-note`} rows="4" autofocus value=${note} onInput=${(event) => setNote(event.target.value)}></textarea>
      </label>
      <fieldset class="tag-rows">
        <legend>Tags</legend>
        ${tags.length === 0 && html`<p class="hint">None yet.</p>`}
        ${tags.map(({ key, value }, i) => html`
          <div class="tag-row">
            <input aria-label=${`Name of tag ${i + 1}`} placeholder="name" value=${key} onInput=${(event) => put(i, { key: event.target.value })} />
            <input aria-label=${`Value of tag ${i + 1}`} placeholder="value" value=${value} onInput=${(event) => put(i, { value: event.target.value })} />
            <button type="button" class="quiet icon" aria-label=${`Remove tag ${key || i + 1}`} onClick=${() => setTags(tags.filter((_, at) => at !== i))}>✕</button>
          </div>`)}
        <button type="button" class="small" onClick=${() => setTags([...tags, { key: "", value: "" }])}>Add a tag</button>
        ${twice && html`<p class="wrong" role="alert">Two tags are named “${twice}”.</p>`}
      </fieldset>
    <//>
  `;
}

function changesOf(subject, note, rows) {
  const changes = {};
  if (note !== (subject.note ?? "")) changes.note = note;
  const before = subject.tags ?? {};
  const after = Object.fromEntries(rows.map(({ key, value }) => [key.trim(), value]).filter(([key]) => key));
  const tags = {};
  for (const [key, value] of Object.entries(after)) if (String(before[key] ?? "") !== value || !(key in before)) tags[key] = value;
  for (const key of Object.keys(before)) if (!(key in after)) tags[key] = null;
  if (Object.keys(tags).length > 0) changes.tags = tags;
  return changes;
}

/** Whether a sweep or trial has what was sent. */
export function hasChanges(subject, { note, tags = {} }) {
  if (!subject || (note !== undefined && subject.note !== note)) return false;
  return Object.entries(tags).every(([key, value]) => (value === null ? !(key in subject.tags) : subject.tags[key] === value));
}
