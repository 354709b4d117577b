import { html, useEffect, useLayoutEffect, useRef } from "preact";
import { useSweep } from "studio/lib/live.js";
import { sweepHref, SWEEP_PAGES } from "studio/lib/routes.js";
import { Empty, Problem, Waiting } from "studio/parts/boxes.js";
import { Connection, SweepStatus } from "studio/parts/status.js";
import { SweepActions } from "studio/parts/steer.js";

/**
 * What all pages of a sweep stand in: its name, where it stands, what can be done with it, its tabs. `page` is the
 * module of the page, null while it loads; it gets `{name, number, query, sweep, trials, lostAt}` once they are there.
 */
export function SweepFrame({ route, page }) {
  const { name, number } = route;
  const { sweep, trials, connection, lostAt, error } = useSweep(name);
  useEffect(() => {
    const isGoing = sweep && sweep.is_running && sweep.total > 0;
    document.title = `${isGoing ? `${sweep.done}/${sweep.total} ` : ""}${sweep?.display_name || name} · ${route.title} · barrido`;
  }, [sweep, name, route.title]);

  if (!sweep || connection === "gone") return html`<${NoSweep} name=${name} connection=${connection} error=${error} />`;
  const Page = page?.default;
  return html`
    <header class="sweep-head">
      <nav class="crumbs" aria-label="Where you are">
        <a href="#/">Sweeps</a><span aria-hidden="true">/</span>
        ${number === undefined
          ? html`<span>${name}</span>`
          : html`<a href=${sweepHref(name)}>${name}</a><span aria-hidden="true">/</span><a href=${sweepHref(name, "trials")}>Trials</a><span aria-hidden="true">/</span><span aria-current="page">${number}</span>`}
      </nav>
      <div class="sweep-title">
        <h1 tabindex="-1">${sweep.display_name || sweep.name}</h1>
        <${SweepStatus} status=${sweep.status} />
        <${Connection} state=${sweep.is_running || connection === "lost" ? connection : ""} error=${error} />
        <div class="sweep-actions"><${SweepActions} sweep=${sweep} /></div>
      </div>
      <${Tabs} sweep=${sweep} name=${name} page=${route.page} />
    </header>
    ${Page && !page.hasHeading && html`<h2 class="visually-hidden" data-heading tabindex="-1">${route.title}</h2>`}
    ${Page ? html`<${Page} ...${{ name, number, query: route.query, sweep, trials, lostAt }} />` : html`<${Waiting} height=${400} />`}
  `;
}

function NoSweep({ name, connection, error }) {
  if (connection === "gone")
    return html`<h1 tabindex="-1">${name}</h1><${Empty} title="There is no such sweep here">
      <p>${error?.message}</p><p><a class="button" href="#/">All sweeps</a></p>
    <//>`;
  if (error) return html`<h1 tabindex="-1">${name}</h1><${Problem} error=${error} />`;
  return html`<h1 tabindex="-1" class="loading-title">${name}</h1><${Waiting} height=${400} label=${`Loading ${name}`} />`;
}

/** The pages of a sweep that have something to show for it. */
function Tabs({ sweep, name, page }) {
  const nav = useRef(null);
  const shown = SWEEP_PAGES.filter(({ needs }) => !needs || needs(sweep));
  const here = page === "trial" || page === "compare" ? "trials" : page;
  useLayoutEffect(() => {
    const [all, one] = [nav.current, nav.current.querySelector("[aria-current]")].map((element) => element?.getBoundingClientRect());
    if (one) nav.current.scrollLeft += one.left + one.width / 2 - (all.left + all.width / 2); // on a phone not all fit
  }, [here]);
  return html`
    <nav class="tabs" aria-label="Pages of this sweep" ref=${nav}>
      ${shown.map((one) => html`
        <a key=${one.page} href=${sweepHref(name, one.path)} aria-current=${one.page === here ? "page" : undefined}>
          ${one.title}${one.page === "trials" && html` <small>${Object.values(sweep.counts).reduce((sum, n) => sum + n, 0).toLocaleString("en")}</small>`}
        </a>`)}
    </nav>
  `;
}
