import { html, useId, useLayoutEffect, useRef } from "preact";
import { usePopup } from "studio/parts/popup.js";

/**
 * A button that opens a list: `<${Menu} label="Export" items=${[{label, onclick | href, download, hint, isDisabled, tone}]} />`.
 * Arrow keys move, Escape closes.
 */
export function Menu({ label, items, title }) {
  const root = useRef(null);
  const [isOpen, setOpen] = usePopup(root);
  const id = useId();
  // Before anything is painted: an Escape that came sooner would have the focus taken away from the button again
  useLayoutEffect(() => {
    if (isOpen) entries(root.current)[0]?.focus();
  }, [isOpen]);

  const close = () => {
    setOpen(false);
    root.current.querySelector("button").focus();
  };
  const onKeyDown = (event) => {
    const all = entries(root.current);
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Escape" && isOpen) {
      event.stopPropagation();
      close();
    } else if (to !== undefined && isOpen) all[to % all.length].focus();
    else if (event.key === "ArrowDown") setOpen(true);
    else if (event.key === "Tab") return setOpen(false);
    else return undefined;
    return event.preventDefault();
  };
  const choose = (item) => () => {
    close();
    item.onclick?.();
  };
  return html`
    <div class="menu" ref=${root} onKeyDown=${onKeyDown}>
      <button type="button" title=${title} aria-haspopup="menu" aria-expanded=${isOpen} aria-controls=${id} onClick=${() => setOpen(!isOpen)}>
        ${label} <span aria-hidden="true" class="caret">▾</span>
      </button>
      ${isOpen && html`
        <div class="menu-list" id=${id} role="menu">
          ${items.map((item) => item.href
            ? html`<a role="menuitem" tabindex="-1" href=${item.href} download=${item.download} onClick=${choose(item)}>${entry(item)}</a>`
            : html`<button type="button" role="menuitem" tabindex="-1" class=${item.tone ? `tone-${item.tone}` : ""} disabled=${item.isDisabled} onClick=${choose(item)}>${entry(item)}</button>`)}
        </div>`}
    </div>
  `;
}

function entry({ label, hint }) {
  return html`<span>${label}</span>${hint && html`<small>${hint}</small>`}`;
}

function entries(root) {
  return [...root.querySelectorAll("[role=menuitem]:not(:disabled)")];
}
