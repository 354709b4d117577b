// Where a new sweep can start from: the smallest file of each kind, to be filled in.

const TRIAL = `type: sweep
trial:
  code: .                # this folder is copied for the trials
  command: >-
    python train.py`;

const OBJECTIVE = `objective:
  primary_metric: loss   # as the script logs it
  goal: minimize`;

export const TEMPLATES = [
  {
    key: "grid",
    title: "Grid",
    about: "Every combination of a few values.",
    yaml: `# Every combination is tried: 3 learning rates with 2 batch sizes.
${TRIAL} --lr \${{search_space.lr}} --batch-size \${{search_space.batch_size}}
search_space:
  lr: {type: choice, values: [0.1, 0.01, 0.001]}
  batch_size: {type: choice, values: [32, 64]}
sampling_algorithm: grid
${OBJECTIVE}
limits:
  max_total_trials: 6
  max_concurrent_trials: 2
`,
  },
  {
    key: "random",
    title: "Random",
    about: "Points drawn at random; a policy ends those that fall behind.",
    yaml: `# 30 random points. A trial whose loss is far behind the best ends early, from its 5th report on.
${TRIAL} --lr \${{search_space.lr}} --layers \${{search_space.layers}} --dropout \${{search_space.dropout}}
search_space:
  lr: {type: float, low: 0.0001, high: 1, log: true}
  layers: {type: int, low: 1, high: 6}
  dropout: {type: uniform, min_value: 0, max_value: 0.5}
sampling_algorithm: {type: random, seed: 1}
early_termination: {type: bandit, slack_factor: 0.2, delay_evaluation: 5}
${OBJECTIVE}
limits:
  max_total_trials: 30
  max_concurrent_trials: 2
`,
  },
  {
    key: "bayesian",
    title: "Bayesian",
    about: "Learns from each result where to look next.",
    yaml: `# Each point is chosen by what the trials before it taught. Two optimisers, each with a parameter of its own.
${TRIAL} --lr \${{search_space.lr}} --optimizer \${{search_space.optimizer.name}}
    [--momentum \${{search_space.optimizer.momentum}}] [--beta \${{search_space.optimizer.beta}}]
search_space:
  lr: {type: float, low: 0.0001, high: 1, log: true}
  optimizer:
    type: choice
    values:
      - name: sgd
        momentum: {type: uniform, min_value: 0, max_value: 0.99}
      - name: adam
        beta: {type: uniform, min_value: 0.8, max_value: 0.999}
sampling_algorithm: {type: bayesian, seed: 1}
${OBJECTIVE}
limits:
  max_total_trials: 40
  max_concurrent_trials: 2
`,
  },
  {
    key: "hyperband",
    title: "Hyperband",
    about: "Many short trials, of which the best go on.",
    yaml: `# 49 points begin; after 1, 3 and 9 reports the best third goes on, up to 27.
${TRIAL} --lr \${{search_space.lr}} --units \${{search_space.units}}
search_space:
  lr: {type: float, low: 0.0001, high: 1, log: true}
  units: {type: int, low: 8, high: 256, log: true}
sampling_algorithm: {type: random, seed: 1}
scheduler: {type: hyperband, max_resource: 27}
${OBJECTIVE}
limits:
  max_total_trials: 49
  max_concurrent_trials: 2
`,
  },
];
