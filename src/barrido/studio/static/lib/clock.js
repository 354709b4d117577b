import { useEffect, useState } from "preact";

/** Seconds since the epoch, renewed each `everyMs` while `isTicking`: for times that go on between two messages. */
export function useNow(isTicking = true, everyMs = 1000) {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    if (!isTicking) return undefined;
    const timer = setInterval(() => setNow(Date.now() / 1000), everyMs);
    return () => clearInterval(timer);
  }, [isTicking, everyMs]);
  return now;
}
