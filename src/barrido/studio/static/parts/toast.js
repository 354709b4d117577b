import { html, useEffect, useState } from "preact";

const SHOWN_MS = 6000;
let show = null;
let last = 0;

/** Says something for a moment, to the eye and to a screen reader. `tone`: info, good, warn or bad. */
export function toast(text, tone = "info") {
  show?.({ key: ++last, text, tone });
}

/** An ApiError as a toast: for an action that did not go through. */
export function toastError(error) {
  toast([error.message, error.hint].filter(Boolean).join(". "), "bad");
}

/** Where toasts appear: once, in the shell. */
export function Toasts() {
  const [toasts, setToasts] = useState([]);
  useEffect(() => {
    show = (one) => {
      setToasts((all) => [...all.slice(-3), one]);
      setTimeout(() => setToasts((all) => all.filter(({ key }) => key !== one.key)), SHOWN_MS);
    };
    return () => {
      show = null;
    };
  }, []);
  return html`
    <div class="toasts" aria-live="polite" role="status">
      ${toasts.map(({ key, text, tone }) => html`
        <div key=${key} class=${`toast tone-${tone}`}>
          <span>${text}</span>
          <button type="button" class="quiet small" aria-label="Dismiss" onClick=${() => setToasts((all) => all.filter((one) => one.key !== key))}>✕</button>
        </div>`)}
    </div>
  `;
}
