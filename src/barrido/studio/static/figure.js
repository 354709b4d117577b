// One chart that fills a page: a notebook's frame, or a file of its own.

import { html, render, useEffect, useState } from "preact";
import { Chart } from "studio/parts/chart.js";

/** Draws a chart of `Class` into `root`; `data` is what `barrido.figures.notebook` put into the page. */
export function draw(root, Class, data) {
  render(html`<${Figure} of=${Class} title=${data.title} model=${{ ...data.model, trials: unpacked(data.model.trials) }} />`, root);
}

function Figure({ of: Class, title, model }) {
  const [selected, setSelected] = useState(model.selected && new Set(model.selected));
  const [hovered, setHovered] = useState(null);
  const [height, setHeight] = useState(room);
  useEffect(() => {
    const fit = () => setHeight(room());
    fit(); // a frame may have got its size since
    addEventListener("resize", fit);
    return () => removeEventListener("resize", fit);
  }, []);
  return html`
    <h1 class="figure-title">${title}</h1>
    <${Chart} of=${Class} height=${height} model=${{ ...model, selected, hovered }}
      onhover=${({ trial }) => setHovered(trial)}
      onselect=${({ trial }) => setSelected((old) => (trial === null || (old?.size === 1 && old.has(trial)) ? null : new Set([trial])))}
      onbrush=${({ trials }) => setSelected(trials && new Set(trials))} />
  `;
}

/** The height that the title leaves. */
function room() {
  return Math.max(180, innerHeight - 56);
}

/** The table of trials with all its columns: one that holds the same everywhere is packed as `{all: value}`. */
export function unpacked({ params, ...columns }) {
  const count = columns.number.length;
  const open = (column) => (Array.isArray(column) ? column : new Array(count).fill(column.all));
  const each = (some) => Object.fromEntries(Object.entries(some).map(([name, column]) => [name, open(column)]));
  return { ...each(columns), params: each(params) };
}
