import { useEffect, useState } from "preact";

const query = matchMedia("(max-width: 640px)");

/** Whether the window is as narrow as a phone; follows when it is turned. */
export function useNarrow() {
  const [isNarrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const follow = () => setNarrow(query.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);
  return isNarrow;
}
