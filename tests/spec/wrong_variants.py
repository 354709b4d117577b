"""Ways in which a sweep file goes wrong, and the answer that each must get.

A variant changes one place of `GOOD`: (text, what stands there instead), then all that is found, as (line,
path, part of what is said or of its hint).
"""

from __future__ import annotations

GOOD = """\
$schema: https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json
type: sweep
trial:
  command: >-
    python train.py
    --data ${{inputs.data}}
    --lr ${{search_space.lr}}
    --layers ${{search_space.layers}}
  code: ./src
  environment_variables:
    SEED: 1
inputs:
  data:
    type: uri_file
    path: ./data/train.csv
outputs:
  model:
    type: uri_folder
compute: azureml:cpu-cluster
sampling_algorithm:
  type: random
  seed: 7
search_space:
  lr:
    type: loguniform
    min_value: -6
    max_value: -1
  layers:
    type: choice
    values: [2, 4, 8]
objective:
  goal: minimize
  primary_metric: loss
early_termination:
  type: bandit
  slack_factor: 0.1
  delay_evaluation: 5
limits:
  max_total_trials: 4
  max_concurrent_trials: 2
  timeout: 3600
"""

Found = tuple[int, str, str]
Variant = tuple[str, str, str, list[Found]]

_CODE, _METRIC, _LIMITS = "  code: ./src", "primary_metric: loss", "limits:\n"
_LR = "type: loguniform\n    min_value: -6\n    max_value: -1"
_DATA = "  data:\n    type: uri_file\n    path: ./data/train.csv"
_LAST = "  timeout: 3600\n"

SYNTAX: list[Variant] = [
    ("a tab", _CODE, "\tcode: ./src", [(9, "", "a tab cannot indent")]),
    ("a quote that stays open", _CODE, '  code: "./src', [(42, "", "a quote is opened and not closed")]),
    ("a bracket that stays open", "[2, 4, 8]", "[2, 4, 8", [(31, "", "is a [ not closed")]),
    ("a brace that stays open", "[2, 4, 8]", "{a: 1", [(31, "", "is a { not closed")]),
    ("a colon in a text", _METRIC, "primary_metric: val: loss", [(33, "", "must stand in quotes")]),
    ("a key without its colon", "goal: minimize", "goal minimize", [(33, "", "the line above lacks its")]),
    ("a line indented too little", "    min_value: -6", "   min_value: -6", [
        (26, "", "indented as its neighbours are")]),
    ("an @ that begins a text", _METRIC, "primary_metric: @loss", [(33, "", "must stand in quotes")]),
    ("an alias to nowhere", "slack_factor: 0.1", "slack_factor: *slack", [(36, "", "needs an anchor")]),
    ("a key twice", _LAST, f"{_LAST}  timeout: 60\n", [
        (42, "limits.timeout", "is given twice, first in line 41")]),
    ("a section twice", "compute: azureml:cpu-cluster", "type: sweep", [
        (19, "type", "is given twice, first in line 2")]),
    ("two documents", _LIMITS, f"---\n{_LIMITS}", [(38, "", "holds more than one document")]),
    ("a tag that would call a function", _METRIC, "primary_metric: !!python/object/apply:os.system [ls]", [
        (33, "objective.primary_metric", "the tag !!python/object/apply:os.system, which means nothing")]),
    ("a tag of somebody's own", _METRIC, "primary_metric: !metric loss", [
        (33, "objective.primary_metric", "put the text in quotes")]),
    ("a merge of a number", "  goal: minimize", "  <<: 3\n  goal: minimize", [
        (31, "objective.<<", "takes a mapping")]),
    ("a key that is a list", "  goal: minimize", "  ? [a]\n  : 1\n  goal: minimize", [
        (31, "objective", "has a key in line 32 that is not a text")]),
    ("an anchor that holds itself", "objective:\n", "objective: &o\n  again: *o\n", [
        (32, "objective.again", "contains itself, through an alias")]),
]  # fmt: skip

TRIAL: list[Variant] = [
    ("a kind of job that is mistyped", "type: sweep", "type: sweeep", [(2, "type", "did you mean 'sweep'?")]),
    ("no kind of job", "type: sweep\n", "", [(1, "type", "add the line `type: sweep`")]),
    ("a kind of job that only Azure runs", "type: sweep", "type: automl", [(2, "type", "(got 'automl')")]),
    ("compute in the trial", _CODE, f"{_CODE}\n  compute: azureml:gpu", [
        (10, "trial.compute", "beside `trial`, not in it")]),
    ("a mistyped command", "  command: >-", "  comand: >-", [(4, "trial.comand", "did you mean 'command'?")]),
    ("variables in a list", "environment_variables:\n    SEED: 1", "environment_variables: [SEED]", [
        (10, "trial.environment_variables", "must be a mapping")]),
    ("a variable that is a mapping", "SEED: 1", "SEED: {a: 1}", [
        (11, "trial.environment_variables.SEED", "must be text (got a mapping)")]),
    ("code that is not there", "./src", "./scr", [(9, "trial.code", "did you mean 'src'?")]),
    ("a file for code", "./src", "./src/train.py", [(9, "trial.code", "`code: src`")]),
    ("code on a server", "./src", "https://github.com/a/b", [(9, "trial.code", "fetch it")]),
    ("a mistyped script", "train.py", "trian.py", [(4, "trial.command", "did you mean 'train.py'?")]),
    ("a mistyped program", "python train", "pyhton train", [(4, "trial.command", "is not installed here")]),
    ("a parameter that is not there", "search_space.lr}", "search_space.rate}", [
        (4, "trial.command", "there is ${{search_space.lr}} and ${{search_space.layers}}")]),
    ("a mistyped section", "search_space.lr}", "searchspace.lr}", [
        (4, "trial.command", "did you mean ${{search_space.lr}}?")]),
    ("a mistyped input", "inputs.data", "inputs.dta", [
        (4, "trial.command", "did you mean ${{inputs.data}}?")]),
    ("one brace too few", "${{search_space.lr}}", "${search_space.lr}", [
        (4, "trial.command", "write ${{inputs.name}}")]),
    ("braces that stay open", "${{search_space.lr}}", "${{search_space.lr}", [
        (4, "trial.command", "is not a reference")]),
]  # fmt: skip

DATA: list[Variant] = [
    ("data without a path", "path: ./data/train.csv", "mode: download", [
        (13, "inputs.data.path", "is missing")]),
    ("data that is not there", "train.csv", "trian.csv", [
        (15, "inputs.data.path", "did you mean 'train.csv'?")]),
    ("data registered in Azure", "./data/train.csv", "azureml:iris:1", [
        (15, "inputs.data.path", "`  azureml:iris:1: ../data`")]),
    ("data in a store of Azure's", "./data/train.csv", "azureml://datastores/blob/paths/x.csv", [
        (15, "inputs.data.path", ".barrido/mapping.yaml the lines `inputs:`")]),
    ("data on a server", "./data/train.csv", "wasbs://a@b.net/iris.csv", [
        (15, "inputs.data.path", "is not on this machine")]),
    ("a file for a folder", "type: uri_file", "type: uri_folder", [
        (15, "inputs.data.path", "for a file write `type: uri_file`")]),
    ("a mistyped kind of data", "type: uri_file", "type: uri_fil", [
        (14, "inputs.data.type", "did you mean 'uri_file'?")]),
    ("a mistyped mode", "    path: ./data", "    mode: downlod\n    path: ./data", [
        (15, "inputs.data.mode", "did you mean 'download'?")]),
    ("several values for an input", _DATA, "  data: [1, 2]", [
        (13, "inputs.data", "has one value (got a list)")]),
    ("a distribution for an input", _DATA, "  data: {type: uniform, min_value: 0, max_value: 1}", [
        (13, "inputs.data", "move it to the `search_space`")]),
    ("a mistyped kind of output", "type: uri_folder", "type: folder", [
        (18, "outputs.model.type", "did you mean 'uri_folder'?")]),
    ("a mistyped key of an output", "    type: uri_folder", "    typ: uri_folder", [
        (18, "outputs.model.typ", "did you mean 'type'?")]),
    ("outputs in a list", "outputs:\n  model:\n    type: uri_folder", "outputs: [model]", [
        (16, "outputs", "must be a mapping")]),
]  # fmt: skip

SEARCH: list[Variant] = [
    ("a mistyped algorithm", "type: random", "type: randm", [
        (21, "sampling_algorithm.type", "did you mean 'random'?")]),
    ("half a seed", "seed: 7", "seed: 7.5", [(22, "sampling_algorithm.seed", "whole number (got 7.5)")]),
    ("a date for a seed", "seed: 7", "seed: 2024-01-01", [
        (22, "sampling_algorithm.seed", "(got '2024-01-01')")]),
    ("a rule of another sequence", "seed: 7", "rule: halton", [
        (22, "sampling_algorithm.rule", "must be random or sobol")]),
    ("a base of 0", "seed: 7", "logbase: 0", [
        (22, "sampling_algorithm.logbase", "above 1, or the letter e")]),
    ("bounds that are swapped", "min_value: -6", "min_value: 6", [
        (26, "search_space.lr.min_value", "they look swapped: min_value: -1, max_value: 6")]),
    ("a bound that is no number", "min_value: -6", "min_value: .nan", [
        (26, "search_space.lr.min_value", "must be a finite number (got nan)")]),
    ("an exponent that is too large", "max_value: -1", "max_value: 1000", [
        (27, "search_space.lr.max_value", "exp(1000) is too large a number")]),
    ("a number of 400 digits", "max_value: -1", f"max_value: {'9' * 400}", [
        (27, "search_space.lr.max_value", "a number of more than 300 digits")]),
    ("a step below 0", _LR, "{type: quniform, min_value: 0, max_value: 1, q: -1}", [
        (25, "search_space.lr.q", "q must be above 0 (got -1)")]),
    ("no spread", _LR, "{type: normal, mu: 0, sigma: 0}", [
        (25, "search_space.lr.sigma", "nothing is left to search")]),
    ("an upper end without end", "type: choice\n    values: [2, 4, 8]", "{type: randint, upper: 1e400}", [
        (29, "search_space.layers.upper", "must be a whole number (got inf)")]),
    ("nothing to choose from", "[2, 4, 8]", "[]", [
        (30, "search_space.layers.values", "nothing to choose from")]),
    ("a choice of the same", "[2, 4, 8]", "[2, 4, 2]", [
        (30, "search_space.layers.values[2]", "2 is there twice")]),
    ("a choice without brackets", "[2, 4, 8]", "2, 4, 8", [
        (30, "search_space.layers.values", "put it between [ and ]")]),
    ("a search space in a list", f"  lr:\n    {_LR}\n  layers:\n    type: choice\n    values: [2, 4, 8]",
        "  [lr, layers]", [(23, "search_space", "must be a mapping")]),
]  # fmt: skip

RULES: list[Variant] = [
    ("half a goal", "goal: minimize", "goal: min", [(32, "objective.goal", "did you mean 'minimize'?")]),
    ("a goal that is true", "goal: minimize", "goal: true", [(32, "objective.goal", "(got true)")]),
    ("no metric", f"\n  {_METRIC}", "", [(31, "objective.primary_metric", "is missing")]),
    ("a metric without end", _METRIC, f"primary_metric: {'m' * 251}", [
        (33, "objective.primary_metric", "must not be longer than 250 characters")]),
    ("two slacks", "slack_factor: 0.1", "slack_factor: 0.1\n  slack_amount: 1", [
        (34, "early_termination", "keep one of them")]),
    ("a slack below 0", "slack_factor: 0.1", "slack_amount: -1", [
        (36, "early_termination.slack_amount", "must be at least 0 (got -1)")]),
    ("more than all", "type: bandit\n  slack_factor: 0.1", "type: truncation\n  truncation_percentage: 150", [
        (36, "early_termination.truncation_percentage", "must be at most 99 (got 150)")]),
    ("a slack for the median", "type: bandit", "type: median_stopping", [
        (36, "early_termination.slack_factor", "the keys here are evaluation_interval")]),
    ("half a delay", "delay_evaluation: 5", "delay_evaluation: 5.5", [
        (37, "early_termination.delay_evaluation", "must be a whole number (got 5.5)")]),
    ("no trials", "max_total_trials: 4", "max_total_trials: 0", [
        (39, "limits.max_total_trials", "must be at least 1 (got 0)")]),
    ("many trials", "max_total_trials: 4", "max_total_trials: many", [
        (39, "limits.max_total_trials", "must be a whole number (got 'many')")]),
    ("more trials than there can be", "max_total_trials: 4", f"max_total_trials: {'9' * 30}", [
        (39, "limits.max_total_trials", "must be at most 10000000")]),
    ("a duration of REST", "timeout: 3600", "timeout: PT1H30M", [(41, "limits.timeout", "write 5400")]),
    ("a duration in words", "timeout: 3600", "timeout: 1 hour", [(41, "limits.timeout", "write 3600")]),
    ("no time at all", "timeout: 3600", "timeout: -1", [(41, "limits.timeout", "must be more than 0")]),
    ("limits without any", "  max_total_trials: 4\n  max_concurrent_trials: 2\n  timeout: 3600\n", "", [
        (38, "limits", "`limits: {max_total_trials: 20}`")]),
    ("a mistyped scheduler", _LIMITS, f"scheduler: {{type: hyperbnd}}\n{_LIMITS}", [
        (38, "scheduler.type", "did you mean 'hyperband'?")]),
    ("an eta", _LIMITS, f"scheduler: {{type: hyperband, max_resource: 9, eta: 3}}\n{_LIMITS}", [
        (38, "scheduler.eta", "did you mean 'reduction_factor'?")]),
    ("fewer than no GPUs", _LIMITS, f"resources: {{gpu: -1}}\n{_LIMITS}", [
        (38, "resources.gpu", "must be at least 0 (got -1)")]),
    ("an identity that is a word", _LIMITS, f"identity: managed\n{_LIMITS}", [
        (38, "identity", "must be a mapping")]),
    ("a name that cannot be a folder", _LIMITS, f"name: my sweep/1\n{_LIMITS}", [
        (38, "name", "for example my-sweep-1")]),
    ("three mistakes", "max_total_trials: 4\n",
        "max_total_trials: 0\n  max_trial: 4\n  trial_timeout: soon\n", [
        (39, "limits.max_total_trials", "at least 1"), (40, "limits.max_trial", "'max_total_trials'"),
        (41, "limits.trial_timeout", "a number of seconds (got 'soon')")]),
]  # fmt: skip

VARIANTS = [*SYNTAX, *TRIAL, *DATA, *SEARCH, *RULES]
