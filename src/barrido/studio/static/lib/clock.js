import { useEffect, useState } from "preact";

/**
 * Seconds since the epoch, renewed each second while `isTicking`: for times that go on between two messages. They stand
 * still from `lostAt` on, if that is not null: nobody knows what goes on while the connection is lost.
 */
export function useNow(isTicking, lostAt) {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    if (!isTicking || lostAt !== null) return undefined;
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, [isTicking, lostAt]);
  return lostAt ?? now;
}
