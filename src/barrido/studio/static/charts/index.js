/** All charts; each is `new Chart(root, emit)` with `update(model)` and `destroy()`. */
import { BestSoFar } from "studio/charts/best.js";
import { Contour } from "studio/charts/contour.js";
import { Curves } from "studio/charts/curves.js";
import { Importance } from "studio/charts/importance.js";
import { Parallel } from "studio/charts/parallel.js";
import { Rungs } from "studio/charts/rungs.js";
import { Scatter } from "studio/charts/scatter.js";
import { Scatter3D } from "studio/charts/scatter3d.js";
import { Slice } from "studio/charts/slice.js";
import { Timeline } from "studio/charts/timeline.js";

export const CHARTS = { BestSoFar, Contour, Curves, Importance, Parallel, Rungs, Scatter, Scatter3D, Slice, Timeline };
export { BestSoFar, Contour, Curves, Importance, Parallel, Rungs, Scatter, Scatter3D, Slice, Timeline };
