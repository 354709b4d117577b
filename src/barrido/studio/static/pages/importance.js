import { html, useMemo } from "preact";
import { Contour, Importance, Slice } from "studio/charts/index.js";
import { sweepUrl } from "studio/lib/api.js";
import { useChoice, useSlowly } from "studio/lib/choices.js";
import { useLoad } from "studio/lib/load.js";
import { go, trialHref } from "studio/lib/routes.js";
import { Empty, Note, Panel, Problem, Waiting } from "studio/parts/boxes.js";
import { Chart } from "studio/parts/chart.js";
import { Controls, Pick } from "studio/parts/pickers.js";

const EVERY_MS = 10000;

/** Which parameters mattered, how the value follows one of them, and two together. */
export default function ImportancePage({ sweep, trials, query }) {
  const every = useSlowly(sweep.done, EVERY_MS);
  const url = (what) => sweepUrl(sweep.name, what);
  const { data: importance, error, reload } = useLoad(url("importance"), { every });
  const names = Object.keys(importance?.shares ?? {});
  const all = names.length ? names : sweep.space.map(({ name }) => name);
  const [param, setParam] = useChoice(query, "param", "");
  const chosen = all.includes(param) ? param : all[0];
  const [x, setX] = useChoice(query, "x", "");
  const [y, setY] = useChoice(query, "y", "");
  const across = all.includes(x) ? x : all[0];
  const up = all.includes(y) && y !== across ? y : all.find((name) => name !== across);

  const isKnown = Boolean(importance);
  const slice = useLoad(isKnown && chosen ? url("slice") : null, { query: { param: chosen }, every });
  const contour = useLoad(isKnown && across && up ? url("contour") : null, { query: { x: across, y: up }, every });
  const shares = useMemo(() => importance?.shares && { sweep, trials, importance, selected: null, hovered: null, param: chosen }, [sweep, trials, importance, chosen]);
  const sliced = useMemo(() => slice.data && { sweep, trials, param: chosen, slice: slice.data.why_not ? null : slice.data, selected: null, hovered: null }, [sweep, trials, slice.data, chosen]);
  const contoured = useMemo(() => contour.data && !contour.data.why_not && { sweep, trials, contour: contour.data, selected: null, hovered: null }, [sweep, trials, contour.data]);
  const open = ({ trial }) => trial !== null && trial !== undefined && go(trialHref(sweep.name, trial));

  if (error && !importance) return html`<${Problem} error=${error} retry=${reload} />`;
  if (!isKnown) return html`<${Waiting} height=${300} label="Working out what mattered" />`;
  return html`
    <${Problem} error=${error} retry=${reload} />
    <div class="pair">
      <${Panel} title="What mattered">
        ${shares
          ? html`<${Chart} of=${Importance} model=${shares} height=${Math.max(160, 60 + 34 * names.length)} onselect=${({ param: name }) => name && setParam(name)} />
              <p class="hint">The part of the results' variance that each parameter explains alone. What lacks to 100 % is due to parameters that act together.</p>`
          : html`<${Empty} title="Nothing to say yet"><p>${importance.why_not}</p><//>`}
      <//>
      <${Panel} title=${html`Along <code>${chosen}</code>`} aside=${html`<${Pick} label="Parameter" value=${chosen} options=${all} onchange=${setParam} />`}>
        <${Problem} error=${slice.error} />
        ${slice.isLoading && html`<${Waiting} height=${260} label="Loading the slice" />`}
        ${sliced && html`<${Chart} of=${Slice} model=${sliced} height=${300} onselect=${open} />`}
        ${slice.data && html`<p class="hint">${slice.data.why_not || "A dot for each trial; the line is what a model of the results expects, averaged over the other parameters, with its uncertainty."}</p>`}
      <//>
    </div>
    ${up && html`
      <${Panel} title="Two together">
        <${Controls} label="The two parameters">
          <${Pick} label="x" value=${across} options=${all} onchange=${setX} />
          <${Pick} label="y" value=${up} options=${all.filter((name) => name !== across)} onchange=${setY} />
        <//>
        <${Problem} error=${contour.error} />
        ${contour.isLoading && html`<${Waiting} height=${380} label="Loading the contours" />`}
        ${contoured && html`<${Chart} of=${Contour} model=${contoured} height=${420} onselect=${open} />`}
        ${contour.data?.why_not && html`<${Note}>${contour.data.why_not}<//>`}
      <//>`}
  `;
}
