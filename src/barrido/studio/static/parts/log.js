import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact";
import { bytes } from "studio/lib/formats.js";
import { LogReader, plainText } from "studio/lib/log.js";
import { useRemembered } from "studio/lib/theme.js";
import { Problem } from "studio/parts/boxes.js";
import { CopyButton } from "studio/parts/links.js";

const NEAR_PX = 24;

/** What a trial printed, followed while its end is in sight. `attempts`: [{attempt, size}], the last one first shown. */
export function Log({ sweep, trial, attempts }) {
  const latest = attempts.at(-1)?.attempt ?? null;
  const [chosen, setChosen] = useState(null);
  const [wraps, setWraps] = useRemembered("barrido.log.wrap", true);
  const [state, setState] = useState(null);
  const [follows, setFollows] = useState(true);
  const reader = useRef(null);
  const box = useRef(null);
  const fromEnd = useRef(null); // while older text is put in front: how far from the end the view was
  const attempt = chosen ?? latest;

  useEffect(() => {
    if (attempt === null) return undefined;
    setState(null);
    setFollows(true);
    reader.current = new LogReader(sweep, trial, attempt, setState);
    return () => reader.current.close();
  }, [sweep, trial, attempt]);

  useLayoutEffect(() => {
    const pre = box.current;
    if (!pre) return;
    if (fromEnd.current !== null) pre.scrollTop = pre.scrollHeight - fromEnd.current;
    else if (follows) pre.scrollTop = pre.scrollHeight;
    fromEnd.current = null;
  }, [state?.pieces, follows, wraps]);

  if (attempt === null) return html`<p class="hint">It has printed nothing yet.</p>`;
  const onScroll = ({ target }) => setFollows(target.scrollHeight - target.scrollTop - target.clientHeight < NEAR_PX);
  const back = () => {
    fromEnd.current = box.current.scrollHeight - box.current.scrollTop;
    setFollows(false);
    reader.current.back();
  };
  const isEmpty = state?.isReady && state.pieces.length === 0;
  return html`
    <div class="log-head">
      ${attempts.length > 1 && html`
        <label>Attempt <select value=${String(attempt)} onChange=${(event) => setChosen(Number(event.target.value))}>
          ${attempts.map((one) => html`<option value=${String(one.attempt)}>${one.attempt} (${bytes(one.size)})</option>`)}
        </select></label>`}
      <label><input type="checkbox" checked=${wraps} onChange=${(event) => setWraps(event.target.checked)} /> Wrap lines</label>
      <label><input type="checkbox" checked=${follows} onChange=${(event) => setFollows(event.target.checked)} /> Follow</label>
      <span class="hint">${state?.isReady ? `${bytes(state.size)}${state.isOver ? "" : ", still being written"}` : "Reading…"}</span>
      <${CopyButton} text=${() => (state?.pieces ?? []).map(({ text }) => plainText(text)).join("")} />
    </div>
    <${Problem} error=${state?.error} title="The log cannot be read" />
    ${isEmpty && html`<p class="hint">It ${state.isOver ? "printed nothing" : "has printed nothing yet"}.</p>`}
    <pre class=${`log ${wraps ? "wraps" : ""}`} ref=${box} tabindex="0" role="log" aria-live="off" aria-label=${`What trial ${trial} printed`} hidden=${isEmpty} onScroll=${onScroll}
      >${state?.start > 0 && html`<button type="button" class="small" onClick=${back}>Show earlier lines</button>`}${(state?.pieces ?? []).map(({ at, text }) => html`<${Piece} key=${at} text=${text} />`)}</pre>
  `;
}

function Piece({ text }) {
  return html`<span>${useMemo(() => plainText(text), [text])}</span>`;
}
