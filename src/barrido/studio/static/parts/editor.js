import { html, useEffect, useId, useLayoutEffect, useRef } from "preact";

const INDENT = "  ";

/**
 * Text with line numbers. `marks`: lines (from 1) with something wrong; `control`: a ref that gets `{select(line)}`.
 * Tab indents; after Escape it moves on, so that the keyboard is never caught.
 */
export function Editor({ label, text, onchange, marks, control, rows = 22 }) {
  const area = useRef(null);
  const gutter = useRef(null);
  const isLeaving = useRef(false);
  const id = useId();
  const count = text.split("\n").length;

  useLayoutEffect(() => {
    if (area.current.value !== text) area.current.value = text;
  }, [text]);
  useEffect(() => {
    control.current = { select: (line) => select(area.current, line) };
  }, []);

  const onKeyDown = (event) => {
    if (event.key === "Escape") {
      isLeaving.current = true;
      return;
    }
    const leaves = isLeaving.current;
    if (event.key !== "Shift") isLeaving.current = false;
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.key === "Tab" && !leaves) {
      event.preventDefault();
      indent(area.current, event.shiftKey);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const before = area.current.value.slice(0, area.current.selectionStart);
      insert(`\n${/[^\n]*$/.exec(before)[0].match(/^ */)[0]}`);
    }
  };
  return html`
    <div class="editor">
      <div class="editor-lines" ref=${gutter} aria-hidden="true">
        ${Array.from({ length: count }, (_, i) => html`<span key=${i} class=${marks.has(i + 1) ? "is-wrong" : ""}>${i + 1}</span>`)}
      </div>
      <textarea ref=${area} rows=${rows} wrap="off" spellcheck=${false} autocapitalize="off" autocomplete="off" aria-label=${label} aria-describedby=${id}
        onKeyDown=${onKeyDown} onInput=${(event) => onchange(event.target.value)} onScroll=${(event) => { gutter.current.scrollTop = event.target.scrollTop; }}></textarea>
    </div>
    <p class="hint" id=${id}>Tab indents, Shift+Tab takes it back; press Escape before Tab to leave the text.</p>
  `;
}

/** As if it were typed: the only way that leaves the browser's undo whole. */
function insert(text) {
  document.execCommand(text ? "insertText" : "delete", false, text);
}

function indent(area, isBack) {
  const { selectionStart: from, selectionEnd: to, value } = area;
  if (!isBack && from === to) {
    insert(INDENT);
    return;
  }
  const first = value.lastIndexOf("\n", from - 1) + 1;
  const end = value.indexOf("\n", Math.max(from, to - 1));
  const last = end === -1 ? value.length : end;
  const lines = value.slice(first, last).split("\n");
  const shifted = lines.map((line) => (isBack ? line.replace(/^ {1,2}/, "") : line && INDENT + line));
  if (shifted.join("\n") === lines.join("\n")) return;
  area.setSelectionRange(first, last);
  insert(shifted.join("\n"));
  const grown = shifted[0].length - lines[0].length;
  if (from === to) area.setSelectionRange(Math.max(first, from + grown), Math.max(first, from + grown));
  else area.setSelectionRange(first, first + shifted.join("\n").length);
}

function select(area, line) {
  const lines = area.value.split("\n");
  const at = Math.min(line, lines.length) - 1;
  const from = lines.slice(0, at).reduce((sum, one) => sum + one.length + 1, 0);
  area.focus();
  area.setSelectionRange(from, from + lines[at].length);
  const height = area.scrollHeight / lines.length;
  area.scrollTop = Math.max(0, at * height - area.clientHeight / 3);
  area.closest(".editor").scrollIntoView({ block: "nearest" });
}
