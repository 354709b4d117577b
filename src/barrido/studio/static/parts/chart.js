import { html, useEffect, useRef, useState } from "preact";
import { Problem } from "studio/parts/boxes.js";

/**
 * One of the chart classes as a component:
 * `<${Chart} of=${Curves} model=${model} onselect=${f} onbrush=${f} onhover=${f} height=${360} />`.
 * A model of null draws nothing yet. What a chart throws is shown in its place and leaves the page alone.
 */
export function Chart({ of: Class, model, onselect, onbrush, onhover, height }) {
  const root = useRef(null);
  const chart = useRef(null);
  const handlers = useRef({});
  const [failure, setFailure] = useState(null);
  handlers.current = { select: onselect, brush: onbrush, hover: onhover };

  useEffect(() => () => {
    chart.current?.destroy();
    chart.current = null;
  }, [Class]);

  useEffect(() => {
    if (!model) return;
    try {
      chart.current ??= new Class(root.current, (name, detail) => handlers.current[name]?.(detail));
      chart.current.update(model);
      setFailure(null);
    } catch (error) {
      console.error(error);
      setFailure(error);
    }
  }, [Class, model]);

  return html`
    ${failure && html`<${Problem} error=${failure} title="This chart cannot be drawn" />`}
    <div class="chart" ref=${root} style=${{ height: `${height}px` }} hidden=${Boolean(failure)}></div>
  `;
}
