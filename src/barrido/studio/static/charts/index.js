/** All charts; each is `new Chart(root, emit)` with `update(model)` and `destroy()`, its height in the style of `root`. */
export { BestSoFar } from "studio/charts/best.js";
export { Contour } from "studio/charts/contour.js";
export { Curves } from "studio/charts/curves.js";
export { Importance } from "studio/charts/importance.js";
export { Parallel } from "studio/charts/parallel.js";
export { Rungs } from "studio/charts/rungs.js";
export { Scatter } from "studio/charts/scatter.js";
export { Scatter3D } from "studio/charts/scatter3d.js";
export { Slice } from "studio/charts/slice.js";
export { Timeline } from "studio/charts/timeline.js";
