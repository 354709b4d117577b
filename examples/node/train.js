// Stands for any Node program. One JSON object a line in the file that BARRIDO_METRICS names is a report.
const { appendFileSync } = require("node:fs");

const rate = Number(process.argv[2]);
const momentum = Number(process.argv[3]);

function report(metrics, step) {
  const file = process.env.BARRIDO_METRICS;
  if (file) appendFileSync(file, JSON.stringify({ metrics, step }) + "\n");
}

// Gradient descent with momentum on a long, narrow valley.
let [x, y, vx, vy] = [4, 2, 0, 0];
for (let step = 1; step <= 20; step++) {
  vx = momentum * vx - rate * 2 * x;
  vy = momentum * vy - rate * 20 * y;
  [x, y] = [x + vx, y + vy];
  report({ loss: x * x + 10 * y * y, x, y }, step);
}
