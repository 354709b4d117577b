"""The sweeps that faults are let loose on: of all kinds, chosen by a seeded generator."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from barrido.core.events import PauseMode
from barrido.core.recipe import Goal, Limits, Objective, Pausing, Recipe, Work

REPORTS = 9
RUNG_TRIALS = 17
"""What Hyperband's three brackets of R = 9 begin: 9, 5 and 3."""

# What it says in its ledger it says before (`try`) and after (`ack`) the fact, in one write each.
SCRIPT = """
import json, os, sys, time, urllib.error, urllib.request
import barrido

rate, door, pace = float(sys.argv[1]), os.environ["DOOR"], float(os.environ["PACE"])
key = os.path.basename(os.environ["BARRIDO_FEED"])
ledger = os.open(os.path.join(os.environ["LEDGER"], key), os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(what, **more):
    os.write(ledger, json.dumps({"what": what, **more}).encode() + b"\\n")


def ask(path, **body):
    url = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/" + path
    body["run_id"] = os.environ["MLFLOW_RUN_ID"]
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    while True:  # as MLflow's own client: again, unless the request itself is wrong
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                answer.read()
            return
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise RuntimeError(f"{error.code}: {error.read()[:500]}") from error
        except OSError:
            pass
        time.sleep(0.05)


def patiently(do):
    while True:
        try:
            return do()
        except OSError:  # the disk is full, or was made read-only
            time.sleep(0.02)


def tell(value, step):
    if door == "mlflow":
        now = round(time.time() * 1000)
        ask("runs/log-metric", key="loss", value=value, step=step, timestamp=now)
    elif door == "file":
        line = json.dumps({"name": "loss", "value": value, "step": step}).encode() + b"\\n"
        with open(os.environ["BARRIDO_METRICS"], "ab", buffering=0) as file:
            assert file.write(line) == len(line)
    else:
        patiently(lambda: barrido.report(loss=value, step=step))


note("start", params=barrido.params(), pid=os.getpid())
if os.environ["SHOWN"]:
    ask("runs/set-tag", key="said", value=key)
saved = None
step = 0
if os.environ.get("BARRIDO_CHECKPOINT_DIR"):
    saved = os.path.join(os.environ["BARRIDO_CHECKPOINT_DIR"], "state.json")
    if os.path.exists(saved):
        with open(saved) as file:
            step = json.load(file)
while step < int(os.environ["REPORTS"]):
    time.sleep(pace)
    step += 1
    value = rate + 1 / step
    note("try", step=step, value=value)
    tell(value, step)
    note("ack", step=step)
    if saved and barrido.should_stop():
        def save():
            with open(saved + ".draft", "w") as file:
                file.write(json.dumps(step))
                file.flush()
                os.fsync(file.fileno())  # what it goes on from is the script's own, also after a power cut
            os.replace(saved + ".draft", saved)

        patiently(save)
        note("end")
        sys.exit()
note("end")
"""

_POLICIES: tuple[Mapping[str, Any] | None, ...] = (
    None,
    {"type": "median_stopping", "evaluation_interval": 1, "delay_evaluation": 3},
    {"type": "bandit", "slack_factor": 0.2, "evaluation_interval": 2, "delay_evaluation": 2},
)


@dataclass(frozen=True, slots=True)
class Kind:
    """``shown``: MLflow is used by its trials, so that it must know all of it at the end.

    ``watched``: a studio looks at it.
    """

    door: str = "report"
    warm: bool = False
    policy: int = 0
    rungs: PauseMode | None = None
    shown: bool = False
    watched: bool = False

    @property
    def trials(self) -> int:
        return RUNG_TRIALS if self.rungs else 24

    @property
    def words(self) -> str:
        rungs = f"hyperband/{self.rungs}" if self.rungs else ("plain", "median", "bandit")[self.policy]
        doors = f"{self.door}{'+mlflow' * self.shown}{'+studio' * self.watched}"
        return f"{rungs} {doors} {'warm' if self.warm else 'cold'}"


def drawn(rng: random.Random) -> Kind:
    rungs = rng.choice([None, None, None, PauseMode.SUSPEND, PauseMode.CHECKPOINT, PauseMode.RESTART])
    door = rng.choice(["report", "report", "mlflow", "file"])
    shown = door == "mlflow" or rng.random() < 0.15
    policy = 0 if rungs else rng.randrange(3)
    return Kind(door, rng.random() < 0.5, policy, rungs, shown, rng.random() < 0.15)


def recipe(kind: Kind, name: str, seed: int, place: Path, ledger: Path) -> Recipe:
    """Its code lies in ``place``, what its trials say of themselves in ``ledger``."""
    code = place / "code"
    code.mkdir()
    (code / "script.py").write_text(SCRIPT)
    variables = {
        "LEDGER": os.fspath(ledger),
        "DOOR": kind.door,
        "REPORTS": str(REPORTS),
        "PACE": "0.04",
        "SHOWN": "1" if kind.shown else "",
    }
    made = Recipe(
        name=name,
        experiment=name,
        seed=seed,
        space={"rate": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}},
        objective=Objective("loss", Goal.MINIMIZE),
        policy=_POLICIES[kind.policy],
        limits=Limits(max_total_trials=kind.trials, max_concurrent_trials=2, max_failed_trials=1000),
        work=Work(
            command="python script.py ${{search_space.rate}}",
            code=os.fspath(code),
            environment_variables=variables,
            warm="auto" if kind.warm else "off",
        ),
    )
    if kind.rungs is None:
        return made
    scheduler = {"type": "hyperband", "max_resource": REPORTS}
    spill = PauseMode.CHECKPOINT if kind.rungs is PauseMode.CHECKPOINT else PauseMode.RESTART
    return replace(made, scheduler=scheduler, pausing=Pausing(mode=kind.rungs, spill=spill))
