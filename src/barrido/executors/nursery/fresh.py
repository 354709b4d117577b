"""What a fork shares with its siblings and a started process would not: made anew in each trial."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

# (part of a library's file name, names of its setter, variables it reads, first one first)
_POOLS = (
    ("openblas", ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads",
                  "openblas_set_num_threads64_", "openblas_set_num_threads"),
     ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")),
    ("libgomp", ("omp_set_num_threads",), ("OMP_NUM_THREADS",)),
    ("libomp", ("omp_set_num_threads",), ("OMP_NUM_THREADS",)),
    ("libiomp", ("omp_set_num_threads",), ("OMP_NUM_THREADS",)),
    ("libmkl_rt", ("MKL_Set_Num_Threads",), ("MKL_NUM_THREADS", "OMP_NUM_THREADS")),
)  # fmt: skip

SIZES = frozenset({"NUMEXPR_NUM_THREADS", *(variable for _, _, names in _POOLS for variable in names)})
"""Variables that a nursery has pinned, so that it has no threads."""

Pool = tuple[Callable[[int], object], tuple[str, ...], Callable[[], object] | None]
Place = tuple[dict[str, object], str, Callable[[str], object], str]


def pools() -> Sequence[Pool]:
    """The thread pools of the libraries that are loaded: how to set a size, who says it, how to end them."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as lines:
        paths = {line.split(maxsplit=5)[5].rstrip("\n") for line in lines if "/" in line}
    found: list[Pool] = []
    for path in sorted(paths):
        for part, setters, variables in _POOLS:
            if part in os.path.basename(path):
                library = ctypes.CDLL(path)
                end = getattr(library, "blas_thread_shutdown_", None)
                found += [(getattr(library, s), variables, end) for s in setters if hasattr(library, s)][:1]
    return found


def places_of(folder: str) -> Iterator[Place]:
    """Where modules keep the working folder that they were imported in, or a path below it."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", {})
        for name, value in list(names.items()):
            if type(value) is not str and type(value).__module__ != "pathlib":
                continue
            text = str(value)
            if text == folder or text.startswith(f"{folder}/"):
                yield names, name, type(value), text[len(folder) :]


def renew(environ: Mapping[str, str], pools: Sequence[Pool], places: Sequence[Place]) -> None:
    """Call it in the trial, in its working folder."""
    here = os.getcwd()
    for names, name, kind, rest in places:
        names[name] = kind(here + rest)
    for set_size, variables, end in pools:
        size = next((environ[v] for v in variables if environ.get(v)), "")
        if size != "1":  # which is what they have
            cores = len(os.sched_getaffinity(0))
            asked = int(size) if size.isdecimal() and int(size) else cores
            set_size(min(asked, cores) if "OPENBLAS_NUM_THREADS" in variables else asked)  # as it does itself
            if end:  # OpenBLAS has started them, and they spin for 25 ms; it starts them again when needed
                end()
    for module, make_new in _RENEWED.items():
        if module in sys.modules:
            make_new(sys.modules[module])


def _logging(logging: object) -> None:
    logging._startTime = (  # type: ignore[attr-defined]
        time.time_ns() if sys.version_info >= (3, 13) else time.time()
    )


def _numpy(mtrand: object) -> None:
    mtrand._rand.seed()  # type: ignore[attr-defined]


def _multiprocessing(process: object) -> None:
    current = process.current_process()  # type: ignore[attr-defined]
    current.authkey = os.urandom(32)


def _threading(threading: object) -> None:
    threading.main_thread()._set_native_id()  # type: ignore[attr-defined]


def _telemetry(client: object) -> None:
    """MLflow's client of its own telemetry; nurseries have none, so that no thread of it is there."""
    client.set_telemetry_client()  # type: ignore[attr-defined]


# `random` and `tempfile` see to it themselves.
_RENEWED: dict[str, Callable[[object], None]] = {
    "logging": _logging,
    "numpy.random.mtrand": _numpy,
    "threading": _threading,
    "multiprocessing.process": _multiprocessing,
    "mlflow.telemetry.client": _telemetry,
}
