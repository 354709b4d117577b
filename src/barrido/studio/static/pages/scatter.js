import { html, useMemo, useState } from "preact";
import { Scatter, Scatter3D } from "studio/charts/index.js";
import { columnNames } from "studio/charts/columns.js";
import { toggled, useChoice, useFlag, useNumbers } from "studio/lib/choices.js";
import { Empty } from "studio/parts/boxes.js";
import { Chart } from "studio/parts/chart.js";
import { PickedTrials } from "studio/parts/picked.js";
import { Check, Controls, Pick, Switch } from "studio/parts/pickers.js";

/** Trials as dots: any two or three of parameters, value, number and duration, coloured by another. */
export default function ScatterPage({ sweep, trials, query }) {
  const names = columnNames({ sweep, trials });
  const first = names.filter(({ name }) => !["value", "number", "duration"].includes(name)).map(({ name }) => name);
  const [view, setView] = useChoice(query, "view", "2d");
  const [x, setX] = useChoice(query, "x", first[0] ?? "number");
  const [y, setY] = useChoice(query, "y", view === "3d" ? first[1] ?? "number" : "value");
  const [z, setZ] = useChoice(query, "z", "value");
  const [color, setColor] = useChoice(query, "color", "value");
  const [logX, setLogX] = useFlag(query, "logx");
  const [logY, setLogY] = useFlag(query, "logy");
  const [picked, setPicked] = useNumbers(query, "picked");
  const [brushed, setBrushed] = useState(null);
  const [hovered, setHovered] = useState(null);
  const is3d = view === "3d";
  const pickedText = [...picked].join(",");
  // A box that is off leaves a parameter's own scale as it is.
  const model = useMemo(
    () => ({ sweep, trials, x, y, z, color, logX: logX || undefined, logY: logY || undefined, selected: picked.size ? picked : null, hovered }),
    [sweep, trials, x, y, z, color, logX, logY, pickedText, hovered],
  );
  if (trials.number.length === 0) return html`<${Empty} title="No trial yet" />`;
  const options = names.map(({ name, title }) => ({ value: name, label: title }));
  return html`
    <${Controls} label="What the axes show">
      <${Switch} label="Dimensions" value=${view} onchange=${setView} options=${[{ value: "2d", label: "2-D" }, { value: "3d", label: "3-D" }]} />
      <${Pick} label="x" value=${x} options=${options} onchange=${setX} />
      <${Pick} label="y" value=${y} options=${options} onchange=${setY} />
      ${is3d && html`<${Pick} label="z" value=${z} options=${options} onchange=${setZ} />`}
      <${Pick} label="Colour" value=${color} options=${options} onchange=${setColor} />
      ${!is3d && html`<${Check} label="log x" value=${logX} onchange=${setLogX} /><${Check} label="log y" value=${logY} onchange=${setLogY} />`}
    <//>
    <div class="panel">
      <${Chart} key=${view} of=${is3d ? Scatter3D : Scatter} model=${model} height=${460} onhover=${({ trial }) => setHovered(trial)}
        onselect=${({ trial }) => trial !== null && setPicked(toggled(picked, trial))} onbrush=${({ trials: numbers }) => setBrushed(numbers)} />
      <p class="hint">${is3d ? "Drag or use the arrow keys to turn it, the wheel to come closer." : "Click dots to pick their trials, drag a frame around several."}</p>
    </div>
    <${PickedTrials} sweep=${sweep} trials=${trials} numbers=${brushed ?? picked} title=${brushed ? "In the frame" : "Picked"} onhover=${setHovered}
      onremove=${brushed ? null : (one) => setPicked(toggled(picked, one))} onclear=${brushed ? null : () => setPicked([])} />
  `;
}
