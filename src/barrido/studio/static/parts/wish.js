// Wishes: what a person asks of a sweep, and when it has come true.

import { html, useCallback, useEffect, useRef, useState } from "preact";
import { post } from "studio/lib/api.js";
import { useNarrow } from "studio/lib/narrow.js";
import { Problem } from "studio/parts/boxes.js";
import { Dialog } from "studio/parts/dialog.js";
import { Menu } from "studio/parts/menu.js";
import { toast } from "studio/parts/toast.js";

/** A wish that nothing shows any more is not worth a word minutes later. */
const FORGOTTEN_AFTER_MS = 120_000;

/**
 * `ask(path, body, {asked, isDone, done})` posts, says `asked`, and says `done` once `isDone(now)` holds for what the
 * stream brings; `done` may be a function of it. `now` is looked at whenever it changes. Rejects with the ApiError.
 */
export function useWishes(now) {
  const wishes = useRef([]);
  const latest = useRef(now);
  latest.current = now;
  const settle = useCallback(() => {
    wishes.current = wishes.current.filter(({ isDone, done, until }) => {
      if (!isDone(latest.current)) return Date.now() < until;
      toast(typeof done === "function" ? done(latest.current) : done, "good");
      return false;
    });
  }, []);
  useEffect(settle, [now]);
  return useCallback(async (path, body, { asked, isDone, done }) => {
    await post(path, body);
    toast(asked);
    wishes.current.push({ isDone, done, until: Date.now() + FORGOTTEN_AFTER_MS });
    settle(); // the stream may have been faster than the answer
  }, []);
}

/**
 * Buttons for `actions`, [{label, title, reason, tone, busy, onclick | href}]: one that makes no sense now stays
 * reachable, and says why. On a phone the first is a button, the others are in a menu.
 */
export function Actions({ label, actions }) {
  const isNarrow = useNarrow();
  const shown = isNarrow ? actions.slice(0, 1) : actions;
  const items = actions.slice(shown.length).map((one) => ({
    label: one.label,
    hint: one.reason || one.title,
    isDisabled: Boolean(one.reason),
    tone: one.tone === "danger" ? "bad" : "",
    href: one.reason ? undefined : one.href,
    onclick: one.onclick,
  }));
  return html`
    <div class="actions" role="group" aria-label=${label}>
      ${shown.map((one) => html`<${Action} key=${one.label} ...${one} />`)}
      ${items.length > 0 && html`<${Menu} label="More" title=${label} items=${items} />`}
    </div>
  `;
}

function Action({ label, reason = "", title = "", tone = "", onclick, href, busy = false }) {
  if (href && !reason) return html`<a class="button" href=${href} title=${title} target="_blank" rel="noopener noreferrer">${label} <span aria-hidden="true">↗</span></a>`;
  const act = () => (reason ? toast(reason) : busy || onclick());
  return html`<button type="button" class=${tone} aria-disabled=${Boolean(reason) || busy} aria-busy=${busy} title=${reason || title} onClick=${act}>${label}</button>`;
}

/** A dialog that sends something: `send` is async; it closes when that went through, and shows what went wrong. */
export function WishDialog({ title, verb, tone = "primary", isReady = true, send, onclose, children }) {
  const [error, setError] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async () => {
    if (isBusy || !isReady) return;
    setBusy(true);
    setError(null);
    try {
      await send();
      onclose();
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  const actions = html`
    <button type="button" onClick=${onclose}>Close</button>
    <button type="submit" class=${tone} disabled=${isBusy || !isReady}>${isBusy ? "Sending…" : verb}</button>
  `;
  return html`
    <${Dialog} title=${title} onclose=${onclose} onsubmit=${submit} actions=${actions}>
      ${children}
      <${Problem} error=${error} />
    <//>
  `;
}
