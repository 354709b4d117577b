import { html, useId, useLayoutEffect, useRef } from "preact";

/**
 * A modal dialog, open for as long as it is rendered:
 * `${isOpen && html`<${Dialog} title="Cancel iris?" onclose=${close} actions=${buttons}>…<//>`}`.
 * Escape, the cross and a click beside it call `onclose`; Enter in a field calls `onsubmit`.
 */
export function Dialog({ title, onclose, onsubmit, actions, children }) {
  const dialog = useRef(null);
  const id = useId();
  useLayoutEffect(() => { // at once: an Escape that follows the click finds it open
    const before = document.activeElement, shown = dialog.current;
    shown.showModal();
    shown.querySelector("[autofocus]")?.focus();
    return () => {
      shown.close(); // while it is open nothing outside it can have the focus
      before?.focus?.();
    };
  }, []);
  const submit = (event) => {
    event.preventDefault();
    onsubmit();
  };
  const beside = (event) => {
    if (event.target === dialog.current) onclose();
  };
  const cancel = (event) => {
    event.preventDefault(); // the owner takes it away, so that state and page agree
    onclose();
  };
  return html`
    <dialog ref=${dialog} aria-labelledby=${id} onCancel=${cancel} onMouseDown=${beside}>
      <form method="dialog" onSubmit=${submit}>
        <header>
          <h2 id=${id}>${title}</h2>
          <button type="button" class="quiet icon" aria-label="Close" onClick=${onclose}>✕</button>
        </header>
        <div class="dialog-body">${children}</div>
        <footer>${actions}</footer>
      </form>
    </dialog>
  `;
}
