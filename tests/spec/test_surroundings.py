"""What the command refers to, and what lies around it: inputs, outputs, folders, programs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from barrido.core.recipe import Recipe
from barrido.errors import Problem
from barrido.spec.surroundings import first_words

Read = Callable[..., Recipe]
Mistakes = Callable[..., list[Problem]]
Notices = Callable[..., list[str]]
Written = Callable[..., str]

LR = "${{search_space.lr}}"

WRONG: list[tuple[str, dict[str, str], tuple[int, str, str]]] = [
    ("a swept name mistyped", {"trial": "{command: 'echo ${{search_space.lrr}}'}"},
        (2, "trial.command", "did you mean ${{search_space.lr}}?")),
    ("an input mistyped", {"trial": "{command: 'echo ${{inputs.epoch}}'}", "inputs": "{epochs: 3}"},
        (2, "trial.command", "did you mean ${{inputs.epochs}}?")),
    ("an input that is an output", {"trial": "{command: 'echo ${{inputs.model}}'}", "outputs": "{model: }"},
        (2, "trial.command", "did you mean ${{outputs.model}}?")),
    ("an output that is not there", {"trial": "{command: 'echo ${{outputs.model}}'}"},
        (2, "trial.command", "add `model` under `outputs`")),
    ("code that is not there", {"trial": "{command: ls, code: ./scr}"},
        (2, "trial.code", "did you mean 'src'?")),
    ("code that is a file", {"trial": "{command: ls, code: src/train.py}"},
        (2, "trial.code", "name the folder that it lies in: `code: src`")),
    ("code in Azure", {"trial": "{command: ls, code: 'azureml:code:1'}"},
        (2, "trial.code", "fetch it and give the local folder")),
    ("code on a server", {"trial": "{command: ls, code: 'https://github.com/a/b'}"},
        (2, "trial.code", "must be a folder on this machine")),
    ("a script mistyped", {"trial": "{command: python trian.py, code: src}"},
        (2, "trial.command", "did you mean 'train.py'?")),
    ("a script without code", {"trial": "{command: python train.py}"},
        (2, "trial.command", "add the folder that holds train.py beside `command`")),
    ("a program that is not installed", {"trial": "{command: surely-no-such-program x}"},
        (2, "trial.command", "is not installed here")),
    ("a script without its interpreter", {"trial": "{command: train.py, code: src}"},
        (2, "trial.command", "write `python train.py`")),
    ("a program that is not in the code", {"trial": "{command: ./reday --x, code: src}"},
        (2, "trial.command", "did you mean 'ready'?")),
    ("a program that may not be executed", {"trial": "{command: ./run.sh, code: src}"},
        (2, "trial.command", "chmod +x")),
    ("an empty command", {"trial": "{command: ''}"}, (2, "trial.command", "must not be empty")),
    ("a component file", {"trial": "file:./train.yml"}, (2, "trial", "for example `trial: {command:")),
    ("inputs in the trial", {"trial": "{command: ls, inputs: {a: 1}}"},
        (2, "trial.inputs", "it stands beside `trial`")),
    ("limits in the trial", {"trial": "{command: ls, limits: {timeout: 1}}"},
        (2, "trial.limits", "`trial_timeout` bounds each trial")),
    ("a file that is not there", {"inputs": "{d: {type: uri_file, path: data/trian.csv}}"},
        (6, "inputs.d.path", "did you mean 'train.csv'?")),
    ("a folder for a file", {"inputs": "{d: {type: uri_file, path: data}}"},
        (6, "inputs.d.path", "for a folder write `type: uri_folder`")),
    ("a file for a folder", {"inputs": "{d: {type: uri_folder, path: data/train.csv}}"},
        (6, "inputs.d.path", "for a file write `type: uri_file`")),
    ("data in Azure", {"inputs": "{d: {type: uri_file, path: 'azureml:iris:1'}}"},
        (6, "inputs.d.path", "download it and give the local path")),
    ("data on a server", {"inputs": "{d: {path: 'https://x.org/iris.csv'}}"},
        (6, "inputs.d.path", "is not on this machine")),
    ("a mistyped type of data", {"inputs": "{d: {type: uri_fil, path: data}}"},
        (6, "inputs.d.type", "did you mean 'uri_file'?")),
    ("an input with a dash", {"inputs": "{a-b: 1}"}, (6, "inputs.a-b", "for example a_b")),
    ("an input that is a list", {"inputs": "{a: [1]}"}, (6, "inputs.a", "to try several")),
    ("an input without a value", {"inputs": "{a: {type: number}}"},
        (6, "inputs.a", "give it a `value`, or say `optional: true`")),
    ("an output with a path as its name", {"outputs": "{../a: }"}, (6, "outputs.../a", "is not a name")),
    ("an output that is a text", {"outputs": "{a: ./x}"}, (6, "outputs.a", "must be a mapping")),
    ("a variable without a value", {"trial": "{command: ls, environment_variables: {A: }}"},
        (2, "trial.environment_variables.A", "has no value")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"), [pytest.param(changes, said, id=what) for what, changes, said in WRONG]
)
def test_what_is_missing_around_the_command_is_said(
    changes: dict[str, str], expected: tuple[int, str, str], sweep: Written, mistakes: Mistakes
) -> None:
    (problem,) = mistakes(sweep(**changes))
    line, path, part = expected
    assert (problem.where, problem.path) == (f"sweep.yml:{line}", path)
    assert part in str(problem)


def test_a_missing_script_says_where_its_folder_was_looked_for(
    sweep: Written, mistakes: Mistakes, folder: Path
) -> None:
    (folder / "empty").mkdir()
    (problem,) = mistakes(sweep(trial="{code: ./empty, command: python train.py}"))
    assert problem.what == f"there is no file {folder / 'empty' / 'train.py'}"
    assert problem.hint.endswith(f"in the code folder, which is './empty' seen from {folder}")


@pytest.mark.parametrize(
    "command",
    [
        f"echo {LR}",
        "cd sub && ./made-by-somebody",
        "FOO=1 surely-no-such-program",
        "if true; then ls; fi",
        "$HOME/bin/x",
        "'quoted program' x",
        "# a comment\\npython train.py",
        "python -m json.tool",
        "python -c 'print(1)'",
        "python {}",
        "./ready --x",
        "sh run.sh",
        sys.executable,
    ],
)
def test_a_command_that_may_well_start_is_taken(command: str, sweep: Written, notices: Notices) -> None:
    notices(sweep(trial=f'{{command: "{command}", code: src}}'))


def test_a_program_is_not_looked_for_when_the_trials_have_their_own_path(
    sweep: Written, notices: Notices
) -> None:
    notices(sweep(trial="{command: my-own-program, environment_variables: {PATH: /opt/mine}}"))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("python train.py --lr ${{search_space.lr}}", ["python", "train.py", "--lr"]),
        ("python ${{inputs.script}}", ["python"]),
        ("./run-${{inputs.x}}.sh", []),
        ("a;b", ["a"]),
        ("a 'b c'", ["a"]),
        ("\n  # why\n  ls -l\n", ["ls", "-l"]),
        ("${{inputs.program}} x", []),
        ("tool*", []),
        ("", []),
    ],
)
def test_only_plain_words_of_the_first_command_are_read(command: str, words: list[str]) -> None:
    assert first_words(command) == words


def test_a_swept_name_that_the_command_does_not_use_is_a_notice(sweep: Written, notices: Notices) -> None:
    (notice,) = notices(sweep(trial="{command: env}"))
    assert notice.startswith("sweep.yml:3: search_space.lr: is not used by the command")
    assert "AZUREML_SWEEP_lr" in notice


def test_an_input_that_is_swept_is_taken_from_the_search_space(sweep: Written, notices: Notices) -> None:
    assert notices(sweep(trial="{command: 'echo ${{inputs.lr}} ${{ inputs.lr }}'}")) == []
    (notice,) = notices(sweep(trial="{command: 'echo ${{inputs.lr}}'}", inputs="{lr: 0.5}"))
    assert "inputs.lr: is swept" in notice


def test_an_optional_input_without_a_value_may_only_stand_in_brackets(
    sweep: Written, mistakes: Mistakes, notices: Notices
) -> None:
    inputs = "{n: {type: number, optional: true}}"
    (problem,) = mistakes(sweep(trial="{command: 'echo ${{inputs.n}}'}", inputs=inputs))
    assert "make the place optional: [--flag ${{inputs.n}}]" in str(problem)
    trial = "{command: 'echo ${{search_space.lr}} [--n ${{inputs.n}}]'}"
    assert notices(sweep(trial=trial, inputs=inputs)) == []


def test_what_the_command_cannot_hold_is_said(sweep: Written, mistakes: Mistakes) -> None:
    found = mistakes(sweep(trial="{command: 'python -c ${{search_space.lr}} ${{input.x}}'}"))
    assert [(problem.where, problem.path) for problem in found] == [("sweep.yml:2", "trial.command")] * 2
    assert "${{search_space.lr}} stands in" in found[0].what
    assert "did you mean ${{inputs.x}}?" in found[1].hint


def test_parameters_inside_a_choice_can_be_named_in_the_command(sweep: Written, notices: Notices) -> None:
    space = "{net: {type: choice, values: [{depth: {type: randint, upper: 3}}]}}"
    trial = "{command: 'echo ${{search_space.net.depth}}'}"
    assert notices(sweep(trial=trial, search_space=space)) == []


def test_an_old_way_to_write_a_reference_is_a_notice(sweep: Written, notices: Notices) -> None:
    (notice,) = notices(sweep(trial="{command: 'echo {search_space.lr}'}"))
    assert "an old way" in notice


def test_inputs_become_text_and_absolute_paths(sweep: Written, read: Read, folder: Path) -> None:
    inputs = (
        "{a: true, b: 1.0, c: 1, d: x y, e: {value: 42}, f: {type: number, default: 2.5}, g: , "
        "h: {type: string, optional: true}, i: {type: uri_file, path: data/train.csv, mode: download}, "
        "j: {path: data}, k: {path: 'file:./data'}, l: {type: boolean, value: false}}"
    )
    assert read(sweep(inputs=inputs)).work.inputs == {
        "a": "True", "b": "1.0", "c": "1", "d": "x y", "e": "42", "f": "2.5", "g": None, "h": None,
        "i": str(folder / "data/train.csv"), "j": str(folder / "data"), "k": str(folder / "data"),
        "l": "False",
    }  # fmt: skip


def test_paths_begin_at_the_file_and_not_at_the_current_folder(
    sweep: Written, read: Read, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(sweep())
    from barrido.spec import load

    monkeypatch.chdir("/")
    recipe = load.load(folder / "sweep.yml", defaults=load.Defaults.here())
    assert recipe.work.code == str(folder / "src")


def test_keys_of_another_cloud_are_one_notice_each(sweep: Written, notices: Notices) -> None:
    trial = (
        "{command: 'echo ${{search_space.lr}}', environment: 'azureml:sklearn@latest',"
        " resources: {instance_count: 1, instance_type: Standard_NC6}}"
    )
    said = notices(sweep(
        trial=trial, compute="azureml:cluster", identity="{type: user_identity}", services="{}",
        queue_settings="{job_tier: spot}", properties="{a: 1}",
        outputs="{model: {type: uri_file, path: 'azureml://x', name: m, version: 1}}",
    ))  # fmt: skip
    begun = [text.split(": ")[:2] for text in said]
    assert begun == [
        ["sweep.yml:2", "trial.resources"],
        ["sweep.yml:6", "compute"],
        ["sweep.yml:7", "identity"],
        ["sweep.yml:9", "queue_settings"],
        ["sweep.yml:10", "properties"],
        ["sweep.yml:11", "outputs.model.type"],
        ["sweep.yml:11", "outputs.model.path"],
        ["sweep.yml:11", "outputs.model.name"],
        ["sweep.yml:11", "outputs.model.version"],
    ]


def test_a_compute_and_an_environment_that_are_unknown_are_one_notice(
    sweep: Written, notices: Notices
) -> None:
    trial = "{command: 'echo ${{search_space.lr}}', environment: 'azureml:sklearn@latest'}"
    assert notices(sweep(trial=trial, compute="aml-cluster")) == [
        "sweep.yml:6: compute: 'aml-cluster' and environment 'azureml:sklearn@latest' are not known here:"
        f" trials run on this machine, in this interpreter ({sys.executable})"
    ]


def test_only_what_is_unknown_is_in_the_notice(sweep: Written, notices: Notices) -> None:
    trial = "{command: 'echo ${{search_space.lr}}', environment: {image: ubuntu}}"
    assert notices(sweep(trial=trial, compute="local")) == [
        "sweep.yml:2: trial.environment: an environment described in place is not known here:"
        f" trials run in this interpreter ({sys.executable})"
    ]
    assert notices(sweep(compute="aml-cluster")) == [
        "sweep.yml:6: compute: 'aml-cluster' is not known here: trials run on this machine"
    ]


def test_this_machine_is_no_notice(sweep: Written, notices: Notices) -> None:
    assert notices(sweep(compute="local")) == []


def test_a_grid_larger_than_its_limit_is_a_notice(sweep: Written, notices: Notices) -> None:
    space = "{lr: {type: choice, values: [1, 2, 3]}}"
    text = sweep(search_space=space, sampling_algorithm="grid", limits="{max_total_trials: 2}")
    (notice,) = notices(text)
    assert "the grid has 3 points, and max_total_trials is 2: the last 1 are left out" in notice


def test_bounds_that_look_like_numbers_and_are_exponents_are_a_notice(
    sweep: Written, notices: Notices
) -> None:
    (notice,) = notices(sweep(search_space="{lr: {type: loguniform, min_value: 0.001, max_value: 0.1}}"))
    assert notice.startswith("sweep.yml:3: search_space.lr: ")
    assert "type: float" in notice


@pytest.mark.parametrize(
    ("written", "got"),
    [("[1, 2]", "a list"), ("{type: Choice, values: [1, 2]}", "the distribution choice")],
)
def test_several_values_for_an_input_are_a_sweep(
    written: str, got: str, command: Written, mistakes: Mistakes
) -> None:
    (problem,) = mistakes(command(inputs=f"{{lr: {written}}}"))
    assert (problem.path, problem.what) == ("inputs.lr", f"has one value (got {got})")
    assert "sweep" in problem.hint


def test_inputs_say_which_of_azures_settings_have_no_effect(notices: Notices, sweep: Written) -> None:
    path = "{type: uri_file, path: data/train.csv, datastore: blob, path_on_compute: /mnt}"
    text = sweep(inputs=f"{{d: {path}, n: {{type: integer, value: 3, min: 1, max: 5, enum: [3]}}}}")
    assert [notice.split(": ")[1] for notice in notices(text)] == [
        "inputs.d.datastore", "inputs.d.path_on_compute", "inputs.n.min", "inputs.n.max", "inputs.n.enum",
    ]  # fmt: skip


def test_the_file_of_a_job_that_was_submitted_to_azure_is_a_job(notices: Notices, sweep: Written) -> None:
    saved = {"id": "azureml:/subscriptions/x", "status": "Completed", "creation_context": "{created_by: me}"}
    said = notices(sweep(**saved))
    assert [notice.split(": ")[1] for notice in said] == list(saved)
    assert all("of the job that the file was saved from" in notice for notice in said)
