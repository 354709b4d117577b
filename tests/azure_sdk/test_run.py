"""`barrido azure run`: scripts that import ``azure.…`` run as they are, whoever has installed what."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

import pytest

IS_INSTALLED = PathFinder.find_spec("azure") is not None and find_spec("azure.ai.ml") is not None

START = """
import os, socket, sys
from importlib.machinery import PathFinder

found, connect, resolve = PathFinder.find_spec.__func__, socket.socket.connect, socket.getaddrinfo
HERE = ("127.0.0.1", "::1", "localhost")


class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name == "azure" and os.environ["HIDE"] else found(cls, name, path, target)


def refuse(host):
    if host not in HERE:
        with open(os.environ["CALLS"], "a") as calls:
            calls.write(f"{host}\\n")
        raise OSError("the network is not to be reached")


def checked_connect(self, address):
    if self.family != socket.AF_UNIX:
        refuse(address[0])
    return connect(self, address)


def checked_resolve(host, *args, **kwargs):
    refuse(host)
    return resolve(host, *args, **kwargs)


PathFinder.find_spec = Hiding.find_spec
socket.socket.connect, socket.getaddrinfo = checked_connect, checked_resolve
from barrido.cli.main import main
main()
"""
"""`barrido`, unable to reach anybody; with HIDE set, as where Microsoft's package is not installed."""

TUTORIAL = """
import sys

from azure.ai.ml import Input, MLClient, Output, command
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import AmlCompute, Data, Environment, Model
from azure.ai.ml.sweep import BanditPolicy, Choice, Uniform
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential, InteractiveBrowserCredential

try:
    credential = DefaultAzureCredential(exclude_shared_token_cache_credential=True)
    credential.get_token("https://management.azure.com/.default")
except Exception:
    credential = InteractiveBrowserCredential()

client = MLClient(credential, "00000000-aaaa", "a-group", "a-workspace")
print("location:", client.workspaces.get(client.workspace_name).location)
try:
    cluster = client.compute.get("cpu-cluster")
except ResourceNotFoundError:
    cluster = client.compute.begin_create_or_update(AmlCompute(name="cpu-cluster", size="D2")).result()

measured = client.data.create_or_update(
    Data(name="measured", version="initial", path="./data.csv", type=AssetTypes.URI_FILE)
)
measured = client.data.get(name="measured", version="initial")
environment = client.environments.create_or_update(
    Environment(name="own", image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04", description="theirs")
)

job = command(
    inputs={"data": Input(type=AssetTypes.URI_FILE, path=measured.path), "lr": 0.01, "layers": 1},
    outputs={"model": Output(type=AssetTypes.URI_FOLDER)},
    code="./src/",
    command="python train.py --lr ${{inputs.lr}} --layers ${{inputs.layers}} --data ${{inputs.data}}"
    " --model ${{outputs.model}}",
    environment=f"{environment.name}@latest",
    compute=cluster.name,
    display_name="from the cloud",
)
sweep = job(lr=Uniform(min_value=0.1, max_value=0.9), layers=Choice(values=[1, 2])).sweep(
    compute=cluster.name,
    sampling_algorithm="random",
    primary_metric="acc",
    goal="Maximize",
    early_termination_policy=BanditPolicy(slack_factor=0.9, evaluation_interval=1),
)
sweep.experiment_name = "moved"
sweep.set_limits(max_total_trials=4, max_concurrent_trials=2, timeout=7200)

returned = client.create_or_update(sweep)
print("studio:", returned.services["Studio"].endpoint, returned.studio_url)
client.jobs.stream(returned.name)
done = client.jobs.get(name=returned.name)
print("status:", done.status, done.type, done.display_name, done.experiment_name)
best = done.properties["best_child_run_id"]
trials = [trial.name for trial in client.jobs.list(parent_job_name=returned.name)]
print("best is a trial:", best in trials, len(trials))
client.jobs.download(returned.name, download_path="got", output_name="model")
registered = client.models.create_or_update(
    Model(path=f"azureml://jobs/{best}/outputs/model", name="moved", type=AssetTypes.CUSTOM_MODEL)
)
print("model:", registered.name, registered.version, client.models.get("moved", label="latest").path)
for operations in (client.jobs, client.environments, client.data, client.models):
    try:
        operations.get("nothing-of-the-kind")
    except ResourceNotFoundError as error:
        print("not found:", error)
"""


KINDS = ("environment", "data", "model")


def azure_run(
    folder: Path, script: str, *args: str, hide: bool, timeout: float = 240, **environ: str
) -> subprocess.CompletedProcess[str]:
    (folder / "start.py").write_text(START)
    (folder / "theirs.py").write_text(script)
    return subprocess.run(
        [sys.executable, "start.py", "azure", "run", "theirs.py", *args],
        cwd=folder,
        env={**os.environ, "HIDE": "yes" * hide, "CALLS": str(folder / "calls"), **environ},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture(params=["with the package", "without it"])
def hide(request: pytest.FixtureRequest) -> bool:
    if request.param == "with the package" and not IS_INSTALLED:
        pytest.skip("azure-ai-ml is not installed")
    return bool(request.param == "without it")


def test_the_watch_over_the_network_sees_who_goes_there(project: Path) -> None:
    lines = (
        "import socket, urllib.request",
        "for go in (lambda: urllib.request.urlopen('http://login.example.com'),",
        "           lambda: socket.socket().connect(('192.0.2.1', 80))):",
        "    try:",
        "        go()",
        "    except OSError as error:",
        "        pass",
    )
    azure_run(project, "\n".join(lines), hide=True)
    assert (project / "calls").read_text().split() == ["login.example.com", "192.0.2.1"]


def test_a_script_like_the_tutorials_runs_to_its_end_unchanged(project: Path, hide: bool) -> None:
    done = azure_run(project, TUTORIAL, hide=hide)
    assert done.returncode == 0, done.stderr
    assert "location: local" in done.stdout
    assert "status: Completed sweep from the cloud moved" in done.stdout
    assert "best is a trial: True 4" in done.stdout
    missing = [line for line in done.stdout.splitlines() if line.startswith("not found: ")]
    assert ["sweep" in missing[0], *(kind in one for kind, one in zip(KINDS, missing[1:], strict=True))] == [
        True
    ] * 4
    model = project / "got" / "named-outputs" / "model" / "model.txt"
    kept = Path(done.stdout.rpartition("model: moved 1 ")[2].splitlines()[0])
    assert model.read_text().endswith(" 1,2")
    assert (kept / "model.txt").read_text() == model.read_text()
    assert kept.is_relative_to(project / ".barrido" / "models")
    assert not (project / "calls").exists()
    assert not (project / "a-workspace").exists()


ABOUT = """
import os, sys
import azure.ai.ml, azure.identity
from azure.ai.ml import MLClient
import beside
print(__name__, __file__, sys.argv, os.path.basename(sys.path[0]), beside.__name__, sys.modules["__main__"].x)
print(MLClient(None, "s", "g", "w").workspace.root, MLClient.from_config().workspace_name)
"""


def test_a_script_finds_what_it_finds_when_python_runs_it(project: Path, hide: bool) -> None:
    (project / "beside.py").write_text("")
    script = "x = 7\n" + ABOUT
    done = azure_run(project, script, "--flag", "-h", "--workspace", "3", hide=hide)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    args = ["theirs.py", "--flag", "-h", "--workspace", "3"]
    assert first == f"__main__ {project / 'theirs.py'} {args} {project.name} beside 7"
    assert second == f"{project / '.barrido'} {project / '.barrido'}"


def test_the_workspace_is_the_one_that_is_asked_for(project: Path) -> None:
    (project / "start.py").write_text(START)
    (project / "theirs.py").write_text(
        "from azure.ai.ml import MLClient\nprint(MLClient(None, 's', 'g', 'w').workspace.root)\n"
    )
    done = subprocess.run(
        [sys.executable, "start.py", "azure", "run", "-w", "other", "theirs.py"],
        cwd=project,
        env={**os.environ, "HIDE": "yes", "CALLS": "calls"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == str(project / "other")


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("raise SystemExit('enough')", 1, "enough\n"),
        (
            "def f():\n    1 / 0\nf()",
            1,
            'Traceback (most recent call last):\n  File "HERE", line 3, in <module>\n    f()\n'
            '  File "HERE", line 2, in f\n    1 / 0\n    ~~^~~\nZeroDivisionError: division by zero\n',
        ),
        ("x = (", 1, "File \"HERE\", line 1\n    x = (\n        ^\nSyntaxError: '(' was never closed\n"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt\n"),
        ("import builtins, sys; sys.exit(5 if __builtins__ is builtins else 1)", 5, ""),
        ("import sys\nsys.excepthook = lambda *of: print('mine', of[0].__name__)\nnothing", 1, ""),
    ],
)
def test_a_script_ends_as_under_python(project: Path, script: str, code: int, said: str) -> None:
    done = azure_run(project, script, hide=True)
    assert done.returncode == code
    assert done.stderr.endswith(said.replace("HERE", str(project / "theirs.py")))
    assert "barrido" not in done.stderr
    assert "script.py" not in done.stderr


WRONG = """
from azure.ai.ml import MLClient, command
from azure.ai.ml.sweep import Uniform
job = command(command="echo ${{inputs.lr}}", inputs={"lr": 1})
sweep = job(lr=Uniform(0, 1)).sweep(primary_metric="acc", goal="Upwards", max_total_trials=-3)
MLClient(None, "s", "g", "w").create_or_update(sweep)
"""


def test_what_is_wrong_with_a_sweep_is_shown_below_the_scripts_own_line(project: Path, hide: bool) -> None:
    done = azure_run(project, WRONG, hide=hide)
    assert done.returncode == 1
    traceback = done.stderr[done.stderr.index("Traceback") :]
    assert [line for line in traceback.splitlines() if line.startswith("  File")] == [
        f'  File "{project / "theirs.py"}", line 6, in <module>'
    ]
    assert "barrido.errors.SpecError: 2 things are wrong:" in traceback
    assert "objective.goal: must be minimize or maximize (got 'upwards')" in traceback.lower()
    assert "limits.max_total_trials: must be" in traceback


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("from azure.ai.ml import dsl", "azure.ai.ml.dsl"),
        ("from azure.ai.ml import load_environment", "azure.ai.ml.load_environment"),
        (
            "from azure.ai.ml.entities import ManagedOnlineEndpoint",
            "azure.ai.ml.entities.ManagedOnlineEndpoint",
        ),
        ("import azure.ai.ml.automl", "azure.ai.ml.automl"),
    ],
)
def test_what_only_microsofts_package_has_is_refused_with_the_command_that_installs_it(
    project: Path, line: str, name: str
) -> None:
    done = azure_run(project, f"try:\n    {line}\nexcept ImportError as error:\n    print(error)", hide=True)
    assert done.stdout == (
        f"{name} is not among what barrido has itself; it needs Microsoft's package:"
        " pip install 'barrido[azure]'\n"
    )


CREDENTIALS = """
from azure.identity import *
from azure.identity import AzureCliCredential, ChainedTokenCredential, ManagedIdentityCredential
import azure.identity
for made in (azure.identity.DefaultAzureCredential(), ManagedIdentityCredential(client_id="x"),
             ChainedTokenCredential(AzureCliCredential(), azure.identity.EnvironmentCredential())):
    with made as one:
        token = one.get_token("https://management.azure.com/.default")
        assert token.expires_on > 1_700_000_000 and token.token
        print(type(one).__name__, type(one) is getattr(azure.identity, type(one).__name__))
print(azure.identity.get_bearer_token_provider(made, "scope")())
try:
    azure.identity.Nothing
except AttributeError as error:
    print(error)
"""


def test_every_credential_is_content_and_asks_nobody(project: Path, hide: bool) -> None:
    done = azure_run(project, CREDENTIALS, hide=hide)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "DefaultAzureCredential True",
        "ManagedIdentityCredential True",
        "ChainedTokenCredential True",
        "barrido",
        "module 'azure.identity' has no attribute 'Nothing'",
    ]
    assert not (project / "calls").exists()


def test_parts_of_azures_client_that_mean_nothing_here_say_so(project: Path, hide: bool) -> None:
    script = """
from azure.ai.ml import MLClient
client = MLClient(None, "s", "g", "w")
for part in ("online_endpoints", "schedules"):
    try:
        getattr(client, part)
    except Exception as error:
        print(type(error).__name__, error)
print(hasattr(client, "nonsense"))
"""
    done = azure_run(project, script, hide=hide)
    assert done.stdout.splitlines() == [
        "RequestError ml_client.online_endpoints is Azure's: there is nothing of that kind on this machine",
        "RequestError ml_client.schedules is Azure's: there is nothing of that kind on this machine",
        "False",
    ]


def test_a_script_that_is_not_there_is_an_error_of_the_request(project: Path) -> None:
    (project / "start.py").write_text(START)
    done = subprocess.run(
        [sys.executable, "start.py", "azure", "run", "nowhere.py"],
        cwd=project,
        env={**os.environ, "HIDE": "yes"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: nowhere.py cannot be read: No such file or directory")
