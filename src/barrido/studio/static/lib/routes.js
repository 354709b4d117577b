// Addresses of the pages, all behind the hash: `#/s/NAME/t/3?tab=log`.

/** The tabs of a sweep, in their order. `needs` says from the Overview whether a tab has anything to show. */
export const SWEEP_PAGES = [
  { page: "overview", path: "", title: "Overview" },
  { page: "trials", path: "trials", title: "Trials" },
  { page: "curves", path: "curves", title: "Curves", needs: (sweep) => Boolean(sweep.metric) },
  { page: "parallel", path: "parallel", title: "Parallel", needs: (sweep) => sweep.space.length > 0 },
  { page: "scatter", path: "scatter", title: "Scatter", needs: (sweep) => sweep.space.length > 0 },
  { page: "importance", path: "importance", title: "Importance", needs: (sweep) => sweep.space.length > 0 },
  { page: "timeline", path: "timeline", title: "Timeline" },
  { page: "rungs", path: "rungs", title: "Rungs", needs: hasScheduler },
  { page: "whatif", path: "whatif", title: "What if", needs: (sweep) => Boolean(sweep.metric) },
];

const UNLISTED = [{ page: "compare", path: "compare", title: "Compare" }];

/** Whether trials are compared at rungs. */
export function hasScheduler(sweep) {
  const name = typeof sweep.scheduler === "string" ? sweep.scheduler : sweep.scheduler?.type;
  return Boolean(name) && name !== "fifo";
}

/** `{page, title, name, number, query}`; page "missing" for an address that leads nowhere. */
export function routeOf(hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const query = new URLSearchParams(search);
  let parts;
  try {
    parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return { page: "missing", title: "No such page", query };
  }
  const [first, name, third, fourth] = parts;
  if (parts.length === 0) return { page: "sweeps", title: "Sweeps", query };
  if (first === "new" && parts.length === 1) return { page: "new", title: "New sweep", query };
  if (first === "s" && parts.length === 4 && third === "t" && /^\d+$/.test(fourth))
    return { page: "trial", title: `Trial ${fourth}`, name, number: Number(fourth), query };
  const found = first === "s" && name && parts.length <= 3
    ? [...SWEEP_PAGES, ...UNLISTED].find((one) => one.path === (third ?? ""))
    : undefined;
  return found ? { page: found.page, title: found.title, name, query } : { page: "missing", title: "No such page", query };
}

/** The address of one of a sweep's pages; `path` as in SWEEP_PAGES, `query` an object. */
export function sweepHref(name, path = "", query = null) {
  return withSearch(`#/s/${encodeURIComponent(name)}${path ? `/${path}` : ""}`, query);
}

export function trialHref(name, number, query = null) {
  return withSearch(`#/s/${encodeURIComponent(name)}/t/${number}`, query);
}

export function compareHref(name, numbers) {
  return sweepHref(name, "compare", { trials: [...numbers].join(",") });
}

export function go(href) {
  location.hash = href;
}

/** Changes the query of the page that is open, without a step in the history: for what a page's own controls choose. */
export function replaceQuery(changes) {
  const { query } = routeOf(location.hash);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") query.delete(key);
    else query.set(key, String(value));
  }
  const path = location.hash.split("?")[0] || "#/";
  history.replaceState(null, "", query.size ? `${path}?${query}` : path);
}

function withSearch(href, query) {
  const entries = Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return entries.length ? `${href}?${new URLSearchParams(entries.map(([key, value]) => [key, String(value)]))}` : href;
}
