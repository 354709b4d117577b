import { html, useMemo } from "preact";
import { Rungs } from "studio/charts/rungs.js";
import { sweepUrl } from "studio/lib/api.js";
import { useSlowly } from "studio/lib/choices.js";
import { number, whole } from "studio/lib/formats.js";
import { useLoad } from "studio/lib/load.js";
import { go, sweepHref, trialHref } from "studio/lib/routes.js";
import { Panel, Problem } from "studio/parts/boxes.js";
import { Chart } from "studio/parts/chart.js";

const EVERY_MS = 3000; // brackets fill slowly; reading them again with each message would cost for nothing

/** The brackets as they fill up, and what the plan comes to. */
export function PlanPanel({ sweep, trials }) {
  const { data, error } = useLoad(sweepUrl(sweep.name, "rungs"), { every: useSlowly(trials, EVERY_MS) });
  const model = useMemo(() => data && { sweep, trials, selected: null, hovered: null, rungs: data }, [data, sweep.name]);
  const { plan } = sweep;
  return html`
    <${Panel} title=${`Brackets of ${typeof sweep.scheduler === "string" ? sweep.scheduler : sweep.scheduler.type}`} aside=${html`<a href=${sweepHref(sweep.name, "rungs")}>larger</a>`}>
      <${Problem} error=${error} />
      ${(data || !error) && html`<${Chart} of=${Rungs} model=${model} height=${plan?.resource ? 264 : 300} onselect=${({ trial }) => go(trialHref(sweep.name, trial))} />`}
      ${plan?.resource && html`<p class="hint">Planned: ${whole(plan.resource)} ${plan.unit}${plan.full_trainings ? `, as much as ${number(plan.full_trainings, 3)} full trainings` : ""}</p>`}
    <//>
  `;
}
