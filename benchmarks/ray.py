"""barrido on Ray beside barrido without it and Ray Tune, in the same run: what a trial costs, what a whole
Hyperband costs, what a second node gives, and how many workers one controller keeps busy.

    python -m benchmarks.ray [--quick] [--only trials|hyperband|nodes|workers]

Ratios are what counts: the machine is whatever it is. Required: at most 20 ms a trial more on Ray than
without it, at 2 slots; a Hyperband within 1.3 times its pure training, in processor time.

Processor time and memory are those of all processes together, Ray's own among them, and not of this one.
"By default" Ray Tune has a new actor for each trial; "reuse" is its ``reuse_actors``. `workers` needs what
`trials` measures, so it measures it, too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from benchmarks import hyperband
from benchmarks.clusters import tuning
from benchmarks.clusters.footprint import Footprint
from benchmarks.clusters.simulation import SLOTS_A_NODE, Costs, busy, most_per_second
from benchmarks.orchestration import WRITER, recipe, watched
from benchmarks.warm import adopt_orphans, reap

from barrido import app
from barrido.controller import lock
from barrido.core.events import Verb
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.state import SweepPhase
from barrido.store.queries import Reader, TrialRow

SLOTS = 2


@dataclass(frozen=True)
class Figures(tuning.Figures):
    controller_s: float = 0.0  # its own processor time from when the sweep was taken up


class Sweeps:
    """Runs sweeps, each in a workspace of its own in ``where``."""

    def __init__(self, where: Path) -> None:
        self._where = where
        self._count = 0

    def start(self, asked: Recipe) -> tuple[SweepFolder, int]:
        """Its folder and its controller, once the first trials are on their way."""
        self._count += 1
        folder = app.create(asked, Workspace(self._where / f"sweeps{self._count}"))
        controller = lock.holder(folder)
        assert controller is not None
        return folder, controller

    def run(self, asked: Recipe) -> tuple[Figures, list[TrialRow], SweepFolder]:
        with Footprint() as footprint:
            began = time.perf_counter()
            folder, controller = self.start(asked)
            start_s, start_cpu_s = time.perf_counter() - began, footprint.cpu_s()
            began_with = own_s(controller)
            with Reader(folder) as reader:
                while not (row := reader.sweep()).phase.is_terminal:
                    time.sleep(0.05)
                trials = reader.trials()
            cpu_s = footprint.cpu_s() - start_cpu_s
            controller_s = own_s(controller) - began_with
        reap(folder, controller)
        assert row.phase is SweepPhase.COMPLETED, row.reason
        assert row.started_at is not None
        assert row.ended_at is not None
        wall_s = row.ended_at - row.started_at
        peak = footprint.peak_mib
        figures = Figures(len(trials), start_s, wall_s, cpu_s, start_cpu_s, peak, controller_s)
        return figures, trials, folder


def own_s(pid: int) -> float:
    """Seconds of processor time of a process that is there, if only to be waited for."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def files(*places: Path) -> int:
    return sum(path.is_file() and not path.is_symlink() for place in places for path in place.rglob("*"))


def overhead(where: Path, sweeps: Sweeps, quick: bool) -> tuple[Figures, Figures]:
    """The last local sweep's figures, and those on Ray."""
    many, reused, fresh, rounds = (100, 50, 4, 1) if quick else (500, 300, 20, 3)
    last: dict[str, Figures] = {}

    def ours(compute: str) -> tuple[tuning.Figures, Path]:
        figures, _, folder = sweeps.run(recipe("nothing", "true", many, compute=compute))
        last[compute] = figures
        return figures, folder.root.parents[1]

    def tune(trials: int, reuse: bool) -> tuple[tuning.Figures, Path]:
        place = Path(tempfile.mkdtemp(dir=where))
        return tuning.measure("true", place, trials, slots=SLOTS, reuse=reuse), place

    rows: list[tuple[str, Callable[[], tuple[tuning.Figures, Path]]]] = [
        ("barrido, local", lambda: ours("local")),
        ("barrido, ray", lambda: ours("ray")),
        ("Ray Tune, reuse", lambda: tune(reused, True)),
        ("Ray Tune, default", lambda: tune(fresh, False)),
    ]
    print(f"trials that do nothing (`true`), {SLOTS} at a time: start-up apart; time and files per trial")
    print(
        f"{'':<20}{'n':>5}{'start-up':>10}{'wall':>12}{'ratio':>8}{'CPU':>12}{'ratio':>8}{'memory':>11}"
        f"{'files':>8}{'of Ray':>8}",
        flush=True,
    )
    walls: dict[str, list[float]] = {}
    for turn in range(rounds):
        for label, run in rows if turn == 0 else rows[:-1]:
            before = files(ray_folder())
            figures, left = run()
            wall, cpu = (seconds / figures.trials * 1e3 for seconds in (figures.wall_s, figures.cpu_s))
            walls.setdefault(label, []).append(wall)
            if label == "barrido, local":
                local = wall, cpu
            print(
                f"{label:<20}{figures.trials:>5}{figures.start_s:>8.1f} s{wall:>9.1f} ms"
                f"{wall / local[0]:>7.1f}x{cpu:>9.1f} ms{cpu / local[1]:>7.1f}x{figures.peak_mib:>7.0f} MiB"
                f"{files(left) / figures.trials:>8.1f}{files(ray_folder()) - before:>8}",
                flush=True,
            )
    pairs = zip(walls["barrido, local"], walls["barrido, ray"], strict=True)
    more = statistics.median(on_ray - here for here, on_ray in pairs)
    print(f"  Ray more than local: {more:.1f} ms a trial; required: 20 at most: {verdict(more <= 20)}")
    print(
        "  `of Ray`: files in all that Ray itself leaves, its logs; memory at its highest (PSS)", flush=True
    )
    return last["local"], last["ray"]


def verdict(is_met: bool) -> str:
    return "met" if is_met else "NOT MET"


def ray_folder() -> Path:
    return Path(os.environ["RAY_TMPDIR"]) / "ray"


def compare_hyperband(where: Path, sweeps: Sweeps, quick: bool) -> None:
    most = 27 if quick else 81
    trials, epochs = hyperband.UNITS[most]
    code = where / "code"
    code.mkdir()
    imports, report = hyperband.DOORS["report"]
    (code / "training.py").write_text(hyperband.TRAINING)
    (code / "train.py").write_text(hyperband.SCRIPT.format(imports=imports, report=report))
    print(f"\nHyperband of a plain script, R = {most}, {trials} configurations, one trial at a time (CPU)")
    print(f"{'':<20}{'epochs':>8}{'start-up':>10}{'sweep':>10}{'alone':>10}{'ratio':>8}{'with start-up':>15}")
    command = " ".join(
        ["python train.py", *(f"--{name} ${{{{search_space.{name}}}}}" for name in hyperband.SPACE)]
    )
    asked = Recipe(
        name="digits",
        space=hyperband.SPACE,
        seed=0,
        compute="ray",
        scheduler={"type": "hyperband", "max_resource": most, "stop_last_trials": most < 81},
        objective=Objective("error", Goal.MINIMIZE),
        limits=Limits(max_total_trials=trials, max_concurrent_trials=1),
        work=Work(command=command, code=str(code), environment_variables={"OMP_NUM_THREADS": "1"}),
    )
    figures, done, _ = sweeps.run(asked)
    assert sum(trial.reports for trial in done) == epochs
    ratio = show("barrido, ray", figures, code, [(dict(trial.params), trial.reports) for trial in done])
    print(f"  required: 1.3 at most: {verdict(ratio <= 1.3)}", flush=True)
    if quick:
        return
    place = Path(tempfile.mkdtemp(dir=where))
    peer = tuning.measure("hyperband", place, trials, slots=1, reuse=True, more=str(code))
    show("Ray Tune, reuse", peer, code, tuning.work(place))


def show(label: str, figures: tuning.Figures, code: Path, work: list[tuple[dict[str, object], int]]) -> float:
    alone_s = hyperband.alone(code, work)
    ratio, with_start = figures.cpu_s / alone_s, (figures.cpu_s + figures.start_cpu_s) / alone_s
    print(
        f"{label:<20}{sum(epochs for _, epochs in work):>8}{figures.start_cpu_s:>8.1f} s"
        f"{figures.cpu_s:>8.1f} s{alone_s:>8.1f} s{ratio:>7.2f}x{with_start:>14.2f}x",
        flush=True,
    )
    return ratio


@contextmanager
def cluster(slots: int) -> Iterator[Callable[[], object]]:
    """A Ray with one node, and what adds another. All are on this machine, whatever they say they have."""
    from ray.cluster_utils import Cluster

    node: dict[str, Any] = {"num_cpus": slots, "object_store_memory": tuning.OBJECTS}
    nodes = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    os.environ["RAY_ADDRESS"] = nodes.address
    try:
        yield lambda: nodes.add_node(**node)
    finally:
        del os.environ["RAY_ADDRESS"]
        nodes.shutdown()


def on_cluster(name: str, command: str, trials: int, places: int) -> Recipe:
    asked = recipe(name, command, trials, compute="ray:auto")
    return replace(asked, limits=replace(asked.limits, max_concurrent_trials=places))


def compare_nodes(sweeps: Sweeps, quick: bool) -> None:
    seconds, trials, slots = (0.5, 64, 4) if quick else (1.0, 160, 4)
    rates = []
    with cluster(slots) as add_node:
        for nodes in (1, 2):
            if nodes == 2:
                add_node()
            _, done, _ = sweeps.run(on_cluster("sleep", f"sleep {seconds}", trials, nodes * slots))
            ends = sorted(trial.ended_at for trial in done if trial.ended_at is not None)
            rates.append(trials // 2 / (ends[-1] - ends[trials // 2 - 1]))
    print(
        f"\ntrials that sleep {seconds} s, {slots} places a node: {rates[0]:.2f} a second on one node,"
        f" {rates[1]:.2f} on two: {rates[1] / rates[0]:.2f}x\n"
        f"  counted over the second half of {trials} trials, when both nodes have their agents",
        flush=True,
    )


def cost_of_reports(where: Path, sweeps: Sweeps, trial_s: float, quick: bool) -> float:
    """Seconds of the controller's processor time for a report of a trial on Ray."""
    code = where / "writer"
    code.mkdir()
    (code / "script.sh").write_text(WRITER)
    trials, objective = 50 if quick else 500, Objective("loss", Goal.MINIMIZE)
    asked = recipe(
        "reports", "sh script.sh", trials, compute="ray", objective=objective, work={"code": str(code)}
    )
    folder, controller = sweeps.start(asked)
    before = own_s(controller)
    cost = watched(folder, trials // 2)
    reap(folder, controller)
    return max(0.0, cost.cpu_s - before - trials * trial_s) / (trials * 100)


def cost_of_nodes(sweeps: Sweeps, quick: bool) -> tuple[float, float]:
    """The share of a core that the controller takes while trials sleep: in any case, and more for a node."""
    seconds, most = (5, 3) if quick else (30, 4)
    shares = []
    with cluster(slots=1) as add_node:
        for nodes in (1, most):
            for _ in range(1, nodes):
                add_node()
            folder, controller = sweeps.start(on_cluster("idle", "sleep 600", nodes, nodes))
            with Reader(folder) as reader:
                while not all(trial.started_at for trial in reader.trials()):
                    time.sleep(0.1)
            time.sleep(2.0)
            before = own_s(controller)
            time.sleep(seconds)
            shares.append((own_s(controller) - before) / seconds)
            app.request(folder, Verb.CANCEL, origin="benchmark")
            reap(folder, controller)
    each = max(0.0, shares[1] - shares[0]) / (most - 1)
    return max(0.0, shares[0] - each), each


def workers(where: Path, sweeps: Sweeps, local: Figures, ray: Figures, quick: bool) -> None:
    trial_s = ray.controller_s / ray.trials
    idle, node = cost_of_nodes(sweeps, quick)
    costs = Costs(
        trial_s=trial_s,
        report_s=cost_of_reports(where, sweeps, trial_s, quick),
        idle_share=idle,
        node_share=node,
        turnaround_s=max(0.0, SLOTS * ray.wall_s / ray.trials - trial_s),
    )
    reports, waves = (2, 3) if quick else (10, 5)
    print(
        f"\nthe controller's own CPU on Ray: {costs.trial_s * 1e3:.2f} ms a trial (local:"
        f" {local.controller_s / local.trials * 1e3:.2f}), {costs.report_s * 1e3:.3f} ms a report,"
        f" {costs.idle_share:.2%} of a core when idle and {costs.node_share:.2%} for each node\n"
        f"  from a trial's end to the next one in its place: {costs.turnaround_s * 1e3:.1f} ms\n"
        f"time that workers train, simulated with these costs, nodes of {SLOTS_A_NODE} slots, trials of"
        f" {reports} reports (1.00 is best)"
    )
    lengths = (1.0, 10.0, 100.0)
    print(f"{'slots':>8}{'trials/s at most':>18}" + "".join(f"{f'{length:g} s':>9}" for length in lengths))
    for slots in (10, 100, 1000):
        shares = [
            busy(costs, slots=slots, seconds=length, reports=reports, waves=waves) for length in lengths
        ]
        print(
            f"{slots:>8}{most_per_second(costs, slots, reports):>18.0f}"
            + "".join(f"{share:>9.2f}" for share in shares),
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of everything; Hyperband without Tune")
    parser.add_argument(
        "--only", choices=("trials", "hyperband", "nodes", "workers"), help="this and no other"
    )
    chosen = parser.parse_args()
    parts = {chosen.only} if chosen.only else {"trials", "hyperband", "nodes", "workers"}
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    adopt_orphans()
    where = Path(tempfile.mkdtemp(prefix="rb-"))  # short: Ray's sockets lie in it
    os.environ |= {
        "RAY_TMPDIR": str(where),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": os.urandom(32).hex(),
    }
    sweeps = Sweeps(where)
    try:
        if parts & {"trials", "workers"}:
            local, ray = overhead(where, sweeps, chosen.quick)
        if "hyperband" in parts:
            compare_hyperband(where, sweeps, chosen.quick)
        if "nodes" in parts:
            compare_nodes(sweeps, chosen.quick)
        if "workers" in parts:
            workers(where, sweeps, local, ray, chosen.quick)
    finally:
        for child in psutil.Process().children():  # only where something went wrong
            child.send_signal(signal.SIGTERM)
        shutil.rmtree(where, ignore_errors=True)


if __name__ == "__main__":
    main()
