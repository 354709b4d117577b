// The policies and schedulers that a sweep can be asked about, as forms have them and as the API takes them.

const DELAY = { name: "delay_evaluation", label: "Not before report", least: 0, start: 5 };
const INTERVAL = { name: "evaluation_interval", label: "At every n-th report", least: 1, start: 1 };
const RUNGS = [
  { name: "max_resource", label: "The best get (max_resource)", least: 1, start: "longest" },
  { name: "min_resource", label: "Each gets at least (min_resource)", least: 1, start: 1 },
  { name: "reduction_factor", label: "One of how many goes on", least: 2, start: 3 },
];

/** `room` says whether it is a policy or a scheduler; settings have bounds and what they start at. */
export const RULES = [
  { type: "bandit", title: "Bandit", room: "policy", about: "Stops a trial that falls too far behind the best.",
    settings: [{ name: "slack_factor", label: "Slack, as a ratio", isReal: true, least: 0, start: 0.1 }, DELAY, INTERVAL] },
  { type: "bandit", variant: "amount", title: "Bandit, by amount", room: "policy", about: "Stops a trial that is further from the best than an amount.",
    settings: [{ name: "slack_amount", label: "Slack, in the metric's units", isReal: true, least: 0, start: 0.1 }, DELAY, INTERVAL] },
  { type: "median_stopping", title: "Median stopping", room: "policy", about: "Stops a trial whose best is worse than the median of what the others averaged.",
    settings: [DELAY, INTERVAL] },
  { type: "truncation_selection", title: "Truncation selection", room: "policy", about: "Stops the worst part of the trials at each interval.",
    settings: [{ name: "truncation_percentage", label: "Percent to cut", least: 1, most: 99, start: 20 }, DELAY, INTERVAL] },
  { type: "hyperband", title: "Hyperband", room: "scheduler", about: "Brackets from many short trials to few long ones.", settings: RUNGS },
  { type: "successive_halving", title: "Successive halving", room: "scheduler", about: "One bracket: all start small, the best part goes on.",
    settings: [...RUNGS, { name: "trials", label: "Trials a bracket begins with", least: 1, start: "", isOptional: true }] },
  { type: "asha", variant: "promotion", title: "ASHA, promoting", room: "scheduler", about: "Halving that waits for nobody.", settings: RUNGS },
  { type: "asha", variant: "stopping", title: "ASHA, stopping", room: "scheduler", about: "Trials are stopped at a rung when they are not among its best.", settings: RUNGS },
].map((rule) => ({ ...rule, key: [rule.type, rule.variant].filter(Boolean).join(":") }));

/** What the fields of a rule begin with, as texts; `longest`: the most reports a trial made. */
export function startTexts(rule, longest) {
  const delay = Math.min(5, Math.max(1, Math.floor(longest / 5)));
  const start = (setting) => (setting === DELAY ? delay : setting.start === "longest" ? longest : setting.start);
  return Object.fromEntries(rule.settings.map((setting) => [setting.name, String(start(setting))]));
}

/** `{body, problems}`: what the API takes, or what is wrong by setting. */
export function readRule(rule, texts) {
  const given = { type: rule.type };
  if (rule.type === "asha") given.variant = rule.variant;
  const problems = new Map();
  for (const { name, least, most, isReal, isOptional } of rule.settings) {
    const text = (texts[name] ?? "").trim();
    if (text === "" && isOptional) continue;
    const value = text === "" ? NaN : Number(text);
    if (!Number.isFinite(value) || (!isReal && !Number.isInteger(value))) problems.set(name, `needs a ${isReal ? "" : "whole "}number`);
    else if (isReal ? value <= least : value < least) problems.set(name, isReal ? `must be above ${least}` : `must be at least ${least}`);
    else if (most !== undefined && value > most) problems.set(name, `must be at most ${most}`);
    given[name] = value;
  }
  return { body: bodyOf(rule.room, given), problems };
}

/** No rule at all, then each with settings that suit how long trials are. */
export function usualRules(longest) {
  const usual = RULES.filter(({ key }) => key !== "bandit:amount").map((rule) => readRule(rule, startTexts(rule, longest)).body);
  return [bodyOf("scheduler", { type: "fifo" }), ...usual];
}

function bodyOf(room, rule) {
  return { policy: room === "policy" ? rule : null, scheduler: room === "scheduler" ? rule : null };
}

/** Like `bandit slack_factor=0.1 delay_evaluation=5`; settings that say nothing are left out. */
export function ruleText({ policy, scheduler }) {
  const said = [policy, scheduler].filter((rule) => rule && rule.type !== "fifo").map((rule) => {
    const idle = { evaluation_interval: 1, min_resource: 1, variant: "algorithm" };
    const settings = Object.entries(rule).filter(([key, value]) => key !== "type" && value !== null && value !== false && value !== 0 && idle[key] !== value);
    return [rule.type, ...settings.map(([key, value]) => `${key}=${value}`)].join(" ");
  });
  return said.join(" + ") || "none: every trial to its end";
}

/** Curves as a rule would have left them: each trial's line up to the report it would have reached. */
export function cutCurves(curves, runs, reports) {
  const reached = new Map(runs.map((run) => [run.trial, run.reports]));
  const { trial, steps, values } = curves.trials;
  const out = { trial: [], steps: [], values: [] };
  trial.forEach((number, i) => {
    const most = reached.get(number) ?? 0;
    if (most === 0) return;
    const whole = reports.get(number) ?? steps[i].length;
    // A thinned line does not hold every report: there the step tells where the report was.
    const last = steps[i][0] + ((steps[i].at(-1) - steps[i][0]) * (most - 1)) / Math.max(1, whole - 1);
    const count = steps[i].length >= whole ? most : steps[i].filter((step) => step <= last).length;
    out.trial.push(number);
    out.steps.push(steps[i].slice(0, count));
    out.values.push(values[i].slice(0, count));
  });
  return { ...curves, trials: out };
}
