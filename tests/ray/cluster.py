"""A real Ray cluster of two nodes on one machine, each in a network namespace of its own.

Everything in it, the sweeps' controllers and trials too, lives in one of the two namespaces: `Cluster.end`
kills what is found there, by its process id, and nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Recipe

HEAD, WORKER = "10.78.0.1", "10.78.0.2"
PORT, CLIENT_PORT = 6379, 10001
START_S = 90.0
HAS_CLIENT = find_spec("grpc") is not None
RAY = Path(sys.executable).with_name("ray")

QUICK = {
    # So that a node that is cut off counts as dead after some 10 s, not after a minute.
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}
OURS = {
    **QUICK,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_ADDRESS": f"{HEAD}:{PORT}",
    "RAY_DISABLE_DOCKER_CPU_WARNING": "1",
}
VERBS = """
import json, sys
from pathlib import Path
from barrido import app
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Recipe
from barrido.errors import BarridoError
try:
    if sys.argv[1] == "create":
        app.create(Recipe.from_json(json.loads(sys.argv[2])), Workspace(Path(sys.argv[3])))
    else:
        app.resume(SweepFolder(Path(sys.argv[2])))
except BarridoError as error:
    sys.exit(str(error))
"""


def why_not() -> str:
    """Why there can be no such cluster here; nothing if there can."""
    if find_spec("ray") is None:
        return "Ray is not installed"
    if shutil.which("ip") is None:
        return "there is no `ip`, which makes network namespaces"
    probe = f"b{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"network namespaces cannot be made: {made.stderr.strip()}"
    ran = subprocess.run(["ip", "netns", "exec", probe, "true"], capture_output=True, text=True, check=False)
    ip("netns", "del", probe)
    return f"network namespaces cannot be entered: {ran.stderr.strip()}" if ran.returncode else ""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def wait_for(condition: Callable[[], object], within_s: float, *, otherwise: Callable[[], str]) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.02)


class Cluster:
    def __init__(self) -> None:
        name = f"b{os.getpid()}"
        self.head, self.worker = f"{name}-h", f"{name}-w"
        self._cables = {self.head: f"{name}h", self.worker: f"{name}w"}
        self._addresses = {self.head: HEAD, self.worker: WORKER}
        self._started: list[subprocess.Popen[bytes]] = []
        self.temp = Path(tempfile.mkdtemp(prefix="r_", dir="/tmp"))  # short: sockets have their paths in it

    def begin(self) -> None:
        for space in (self.head, self.worker):
            ip("netns", "add", space)
        ours, theirs = self._cables.values()
        ip(
            "link",
            "add",
            ours,
            "netns",
            self.head,
            "type",
            "veth",
            "peer",
            "name",
            theirs,
            "netns",
            self.worker,
        )
        for space, cable in self._cables.items():
            ip("-n", space, "addr", "add", f"{self._addresses[space]}/24", "dev", cable)
            for link in ("lo", cable):
                ip("-n", space, "link", "set", link, "up")
        client = [f"--ray-client-server-port={CLIENT_PORT}"] if HAS_CLIENT else []
        self._start_ray(self.head, "--head", f"--port={PORT}", "--include-dashboard=false", *client)
        wait_for(lambda: self._answers(PORT), START_S, otherwise=self.logs)
        self.begin_worker()

    def begin_worker(self, *words: str, before: str = "") -> None:
        """Start the worker node, if it is not there. ``before`` is done in its shell, and mounts there."""
        wait_for(lambda: WORKER not in self.nodes() or self.find_worker(), START_S, otherwise=self.logs)
        if WORKER not in self.nodes():
            self._start_ray(self.worker, f"--address={HEAD}:{PORT}", *words, before=before)
            wait_for(lambda: WORKER in self.nodes(), START_S, otherwise=self.logs)

    def find_worker(self) -> bool:
        """Whether its raylet is there: Ray itself takes a while to see that it is not."""
        return any("raylet" in words for _, words in self.pids(self.worker))

    def _start_ray(self, space: str, *words: str, before: str = "") -> None:
        fixed = [
            f"--node-ip-address={self._addresses[space]}",
            "--num-cpus=1",
            "--object-store-memory=100000000",
            f"--temp-dir={self.temp}",
            "--disable-usage-stats",
            "--block",
        ]
        with self._log(space).open("ab") as log:
            line = [os.fspath(RAY), "start", *words, *fixed]
            if before:
                line = ["sh", "-c", f'{before}; exec "$@"', "sh", *line]
            self._started.append(self.spawn(space, line, stdout=log, stderr=log))

    def _log(self, space: str) -> Path:
        return self.temp / f"{space}.log"

    def logs(self) -> str:
        return "\n".join(self._log(space).read_text() for space in self._cables if self._log(space).exists())

    def _answers(self, port: int) -> bool:
        knock = f"exec 3<>/dev/tcp/{HEAD}/{port}"
        words = ["ip", "netns", "exec", self.head, "bash", "-c", knock]
        return not subprocess.run(words, capture_output=True, check=False).returncode

    def spawn(self, space: str, words: list[str], **more: Any) -> subprocess.Popen[bytes]:
        environment = {n: v for n, v in os.environ.items() if not n.startswith("RAY_")} | OURS
        environment |= more.pop("env", {})
        return subprocess.Popen(
            ["ip", "netns", "exec", space, *words],
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
            **more,
        )

    def python(self, text: str, *words: str, within_s: float = 120.0, **variables: str) -> str:
        """What a Python script says that runs beside the head; its last words are the error if it fails."""
        done = self.spawn(
            self.head,
            [sys.executable, "-c", text, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=variables,
        )
        said, complained = done.communicate(timeout=within_s)
        if done.returncode:
            raise RuntimeError(complained.decode())
        return said.decode()

    def create(self, recipe: Recipe, where: Workspace) -> SweepFolder:
        """RuntimeError with what was complained of if it cannot be."""
        self.python(VERBS, "create", json.dumps(recipe.to_json()), os.fspath(where.root))
        return where.sweep(recipe.name)

    def resume(self, folder: SweepFolder) -> None:
        self.python(VERBS, "resume", os.fspath(folder.root))

    def state(self) -> dict[str, Any]:
        """The nodes that live, and what the cluster keeps for sweeps."""
        text = """
import json, ray
ray.init("auto", log_to_driver=False, configure_logging=False)
from ray._private import state
from ray.util.placement_group import placement_group_table
print(json.dumps({
    "nodes": [n["NodeManagerAddress"] for n in ray.nodes() if n["Alive"]],
    "places": [g["name"] for g in placement_group_table().values() if g["state"] != "REMOVED"],
    "agents": [a["Name"] for a in state.actors().values() if a["State"] != "DEAD"],
}))
"""
        lines = self.python(text).splitlines()  # Ray may say something, too
        return dict(json.loads(next(line for line in lines if line.startswith('{"nodes"'))))

    def clean(self) -> None:
        """Take away what sweeps that failed their tests have left."""
        self.python("""
import ray
ray.init("auto", namespace="barrido", log_to_driver=False, configure_logging=False)
from ray.util.placement_group import get_placement_group, placement_group_table, remove_placement_group
for name in ray.util.list_named_actors():
    ray.kill(ray.get_actor(name))
for group in placement_group_table().values():
    if group["state"] != "REMOVED":
        remove_placement_group(get_placement_group(group["name"]))
""")

    def nodes(self) -> list[str]:
        return list(self.state()["nodes"])

    # Mischief ------------------------------------------------------------------------------------

    def pids(self, space: str) -> Iterator[tuple[int, str]]:
        """The processes in a namespace, with their command lines."""
        listed = subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True, check=True)
        for pid in map(int, listed.stdout.split()):
            with suppress(OSError):
                yield pid, Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")

    def kill_node(self, space: str) -> None:
        """Ray's processes of a node, its workers too: not what they started."""
        for pid, words in self.pids(space):
            if "site-packages/ray/" in words or f"{RAY} start" in words or words.startswith("ray::"):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def find(self, words: str) -> list[int]:
        """Processes in either namespace that have ``words`` in their command line."""
        return [pid for space in self._cables for pid, line in self.pids(space) if words in line]

    def cut(self) -> None:
        ip("-n", self.worker, "link", "set", self._cables[self.worker], "down")

    def mend(self) -> None:
        ip("-n", self.worker, "link", "set", self._cables[self.worker], "up")

    def end(self) -> None:
        """May be called in whatever state it is."""
        for space in self._cables:
            for _ in range(20):
                left = []
                with suppress(subprocess.CalledProcessError):
                    left = list(self.pids(space))
                for pid, _ in left:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                if not left:
                    break
                time.sleep(0.1)
            with suppress(subprocess.CalledProcessError):
                ip("netns", "del", space)
        for process in self._started:
            process.wait()
        shutil.rmtree(self.temp, ignore_errors=True)
