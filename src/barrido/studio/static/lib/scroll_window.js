import { useCallback, useLayoutEffect, useState } from "preact";

const STEP = 8; // the window moves in steps, so that most scroll events change nothing
const OVERSCAN = 16; // rows beyond each edge: what one frame of a fast wheel may bring in sight

/**
 * Which of `count` rows, each `rowPx` high under a sticky head, are in sight or near it: `{first, last, pool,
 * reveal, page}`. `pool` is the most that can be; `reveal(at)` scrolls a row into sight, `page()` is how many rows there are in sight. A scroll event comes before the
 * frame that shows it, and the state it sets is rendered in a microtask: no frame shows a gap.
 */
export function useScrollWindow(box, count, rowPx) {
  const [place, setPlace] = useState({ top: 0, height: 900 });
  useLayoutEffect(() => {
    const element = box.current;
    const look = () => setPlace((old) => {
      const now = { top: Math.floor(element.scrollTop / rowPx / STEP) * STEP, height: element.clientHeight };
      return now.top === old.top && now.height === old.height ? old : now;
    });
    look();
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      sizes.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, [rowPx]);

  const visible = Math.ceil(place.height / rowPx);
  const top = Math.min(place.top, Math.max(0, count - visible));
  const first = Math.max(0, top - OVERSCAN);
  const last = Math.min(count, top + STEP + visible + OVERSCAN);
  const pool = STEP + visible + 2 * OVERSCAN;
  const page = useCallback(() => Math.max(1, Math.floor(box.current.clientHeight / rowPx) - 2), [rowPx]);
  const reveal = useCallback((at) => {
    const element = box.current;
    const room = element.clientHeight - element.querySelector("thead").offsetHeight - rowPx;
    const y = at * rowPx;
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y > element.scrollTop + room) element.scrollTop = y - room;
  }, [rowPx]);
  return { first, last, pool, reveal, page };
}
