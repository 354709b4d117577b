import { useCallback, useEffect, useState } from "preact";
import { get } from "studio/lib/api.js";

const EARLY_MS = 5000;
const early = new Map(); // what was asked for before its page is there: by path and query, {answer, at}

/** Begin to load what a page that is about to open will ask for by `useLoad`. */
export function loadEarly(path, query = {}) {
  const answer = get(path, { query });
  answer.catch(() => {}); // whoever takes it hears of it
  early.set(JSON.stringify([path, query]), { answer, at: performance.now() });
}

function taken(asked) {
  const found = early.get(asked);
  early.delete(asked);
  return found && performance.now() - found.at < EARLY_MS ? found.answer : null;
}

/**
 * What `path` answers, kept while it is asked for again: `{data, error, isLoading, reload}`.
 * `path` null asks nothing. A new value of `every` (any primitive) asks again without forgetting the old answer;
 * a new path forgets it.
 */
export function useLoad(path, { query, every } = {}) {
  const asked = path === null ? null : JSON.stringify([path, query ?? {}]);
  const [state, setState] = useState({ asked: null, data: null, error: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (asked === null) return undefined;
    const stopper = new AbortController();
    const [from, parameters] = JSON.parse(asked);
    (taken(asked) ?? get(from, { query: parameters, signal: stopper.signal })).then(
      (data) => {
        if (!stopper.signal.aborted) setState({ asked, data, error: null });
      },
      (error) => {
        if (!stopper.signal.aborted) setState((old) => ({ asked, data: old.asked === asked ? old.data : null, error }));
      },
    );
    return () => stopper.abort();
  }, [asked, turn, every]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const isMine = state.asked === asked;
  return {
    data: isMine ? state.data : null,
    error: isMine ? state.error : null,
    isLoading: asked !== null && !isMine,
    reload,
  };
}
