// The studio in the browser: which page is open, what stands around it, and where keyboard and reader are after a step.

import { html, render, useEffect, useErrorBoundary, useRef, useState } from "preact";
import { routeOf } from "studio/lib/routes.js";
import { setTheme, theme } from "studio/lib/theme.js";
import { Empty, Problem, Waiting } from "studio/parts/boxes.js";
import { SweepFrame } from "studio/parts/frame.js";
import { Toasts } from "studio/parts/toast.js";

const pages = new Map(); // modules of pages by name, once they were loaded

function App() {
  const route = useRoute();
  const { page, failure } = usePage(route.page);
  const main = useRef(null);
  useFocus(main, `${route.page} ${route.name} ${route.number}`, Boolean(page));
  const skip = (event) => {
    event.preventDefault(); // the hash is taken: it says which page is open
    main.current.focus();
  };
  return html`
    <a class="skip" href="#/" onClick=${skip}>Skip to the content</a>
    <header class="topbar">
      <a class="brand" href="#/" aria-label="barrido studio: all sweeps"><img src="/static/icon.svg" alt="" width="24" height="24" />barrido <span>studio</span></a>
      <nav aria-label="Studio">
        <a href="#/" aria-current=${route.page === "sweeps" ? "page" : undefined}>Sweeps</a>
        <a href="#/new" aria-current=${route.page === "new" ? "page" : undefined}>New sweep</a>
      </nav>
      <${ThemeSwitch} />
    </header>
    <main ref=${main} tabindex="-1" class=${`page page-${route.page}`}>
      <${Guard} key=${`${route.page} ${route.name} ${route.number}`}>
        ${failure ? html`<${Problem} error=${failure} title="This page cannot be loaded" retry=${() => location.reload()} />`
          : route.page === "missing" ? html`<h1 tabindex="-1">No such page</h1><${Empty} title="This address leads nowhere"><p><a class="button" href="#/">All sweeps</a></p><//>`
          : route.name !== undefined ? html`<${SweepFrame} route=${route} page=${page} />`
          : page ? html`<${page.default} query=${route.query} />`
          : html`<${Waiting} height=${400} />`}
      <//>
    </main>
    <${Toasts} />
  `;
}

function useRoute() {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const follow = () => setRoute(routeOf(location.hash));
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  useEffect(() => {
    if (route.name === undefined) document.title = `${route.title} · barrido`;
  }, [route]);
  return route;
}

function usePage(name) {
  const [, setTurn] = useState(0);
  const [failure, setFailure] = useState(null);
  useEffect(() => {
    setFailure(null);
    if (pages.has(name) || name === "missing") return undefined;
    let isWanted = true;
    import(`studio/pages/${name}.js`).then(
      (module) => {
        pages.set(name, module);
        if (isWanted) module.preload?.(routeOf(location.hash));
        if (isWanted) setTurn((n) => n + 1);
      },
      (error) => {
        console.error(error);
        if (isWanted) setFailure(error);
      },
    );
    return () => {
      isWanted = false;
    };
  }, [name]);
  return { page: pages.get(name) ?? null, failure };
}

/** After a step to another page its heading has the focus: a reader says it, Tab goes on from there. */
function useFocus(main, address, isThere) {
  const focused = useRef(null);
  useEffect(() => {
    if (!isThere || focused.current === address) return;
    const isFirst = focused.current === null;
    focused.current = address;
    if (isFirst) return; // the browser's own start
    window.scrollTo(0, 0);
    (main.current.querySelector("[data-heading]") ?? main.current.querySelector("h1") ?? main.current).focus({ preventScroll: true });
  }, [address, isThere]);
}

/** One broken page leaves the rest of the studio alone. */
function Guard({ children }) {
  const [error, reset] = useErrorBoundary((caught) => console.error(caught));
  return error ? html`<${Problem} error=${error} title="This page broke" retry=${reset} />` : children;
}

const THEMES = { auto: { word: "Auto", next: "light" }, light: { word: "Light", next: "dark" }, dark: { word: "Dark", next: "auto" } };

function ThemeSwitch() {
  const [choice, setChoice] = useState(theme);
  const { word, next } = THEMES[choice] ?? THEMES.auto;
  const turn = () => {
    setTheme(next);
    setChoice(next);
  };
  return html`
    <button type="button" class="quiet theme" onClick=${turn} title="Light, dark, or as the system" aria-label=${`Colours: ${word}`}>
      <i class=${`theme-${choice}`} aria-hidden="true"></i>${word}
    </button>
  `;
}

setTheme(theme());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => window.dispatchEvent(new Event("studio-theme")));
render(html`<${App} />`, document.getElementById("app"));
