"""The libraries that warm trials are made for: NumPy, pandas, scikit-learn and MLflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest

Alike = Callable[..., list[Any]]

TWO = [{"name": "one", "lr": 0.1}, {"name": "two", "lr": 0.2}]

THREADS = """\
import json, os
def told():
    import ctypes
    counts = {}
    for path in sorted({line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}):
        for part, getters in {
            "openblas": ("scipy_openblas_get_num_threads64_", "scipy_openblas_get_num_threads",
                         "openblas_get_num_threads64_", "openblas_get_num_threads"),
            "gomp": ("omp_get_max_threads",),
        }.items():
            if part in os.path.basename(path):
                library = ctypes.CDLL(path)
                found = [getattr(library, g)() for g in getters if hasattr(library, g)]
                counts[os.path.basename(path)] = found
    return counts
"""


@pytest.mark.parametrize("threads", ["", "3", *(pytest.param(n, marks=pytest.mark.slow) for n in "12")])
def test_the_threads_of_linear_algebra(alike: Alike, threads: str) -> None:
    alike(
        THREADS
        + "import numpy as np\nprint(told())\nx = np.arange(90_000.0).reshape(300, 300) / 1e5\n"
        + "print((x @ x).sum(), told())\n"
        + "print(len(os.listdir('/proc/self/task')), os.environ.get('OMP_NUM_THREADS'))\n",
        variables={"OMP_NUM_THREADS": threads} if threads else {},
    )


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="OpenBLAS has a thread for each core at most")
def test_threads_of_openblas_are_started_when_they_are_needed() -> None:
    """They spin for a while when they have nothing to do."""
    script = """
        import os
        import numpy as np
        from barrido.executors.nursery import fresh
        count = lambda: len(os.listdir("/proc/self/task"))
        fresh.renew({"OPENBLAS_NUM_THREADS": "2"}, fresh.pools(), [])
        before, x = count(), np.ones((400, 400))
        x @ x
        print(before, count())
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(script)],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "1 2\n"


@pytest.mark.parametrize(
    "name", ["OMP_NUM_THREADS", pytest.param("OPENBLAS_NUM_THREADS", marks=pytest.mark.slow)]
)
def test_threads_that_the_script_sets_itself(alike: Alike, name: str) -> None:
    alike(
        f"import os\nos.environ['{name}'] = '2'\n"
        + THREADS
        + "import numpy as np\nx = np.ones((400, 400))\nprint((x @ x).sum(), told())\n"
        + "print(len(os.listdir('/proc/self/task')), os.environ['OMP_NUM_THREADS'])\n"
    )


def test_random_numbers_of_numpy(alike: Alike) -> None:
    seen = alike(
        """
        import json
        import numpy as np
        draws = [np.random.rand(), np.random.default_rng().random(), int(np.random.randint(1 << 60)),
                 np.random.RandomState().rand(), np.random.SeedSequence().entropy,
                 str(np.random.get_state()[1][:3])]
        json.dump(draws, open("draws", "w"), default=str)
        np.random.seed(3)
        print(np.random.rand(3), np.random.permutation(9), np.random.default_rng(1).normal(size=3))
        print(np.geterr(), np.get_printoptions(), np.random.get_state()[0])
        """,
        apart=["draws"],
    )
    for draws in zip(*(json.loads(one.files["draws"]) for one in seen), strict=True):
        assert len(set(draws)) == len(seen)


@pytest.mark.slow
def test_pools_of_processes_with_numpy(alike: Alike) -> None:
    alike(
        """
        import multiprocessing
        import numpy as np
        def norm(n):
            x = np.ones((n, n))
            return float(np.linalg.norm(x @ x))
        if __name__ == "__main__":
            for method in ("fork", "spawn"):
                with multiprocessing.get_context(method).Pool(2) as pool:
                    print(pool.map(norm, [3, 300]))
        """,
        points=TWO,
    )


@pytest.mark.slow
def test_pandas(alike: Alike) -> None:
    alike(
        """
        import pandas as pd
        table = pd.read_csv("data.csv", parse_dates=["day"])
        print(table.describe(), table.dtypes, table.groupby("kind").mean(numeric_only=True))
        print(pd.get_option("display.max_rows"), table.to_json())
        table.to_csv("outputs/table.csv")
        table["x"][0] = 3
        """,
        code={"data.csv": "x,kind,day\n1,a,2024-01-01\n2,b,2024-01-02\n5,a,2024-02-01\n"},
    )


FIT = """\
import sys, warnings
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.datasets import load_iris
X, y = load_iris(return_X_y=True)
parts = train_test_split(X, y, random_state=0)
print(LogisticRegression(C=float(sys.argv[1]), max_iter=5).fit(parts[0], parts[2]).coef_)
print(cross_val_score(RandomForestClassifier(10, random_state=1, n_jobs=2), X, y, cv=3))
np.random.seed(4)
print(train_test_split(np.arange(9))[0])
"""


@pytest.mark.slow
def test_scikit_learn(alike: Alike) -> None:
    alike(FIT, command="python train.py ${{search_space.lr}}", points=TWO)


MLFLOW = """\
import os, pathlib, threading
def tasks():
    names = [path.read_text().strip() for path in pathlib.Path("/proc/self/task").glob("*/comm")]
    return sorted(name for name in names if name != "jemalloc_bg_thd")  # Arrow's allocator's own
print(threading.enumerate()[1:], tasks())
import mlflow
print(mlflow.active_run(), mlflow.get_tracking_uri())
print(mlflow.is_tracking_uri_set(), mlflow.get_registry_uri(), mlflow.__version__)
print(sorted(t.name for t in threading.enumerate()), tasks())
print(sorted(n for n in os.environ if n.startswith("MLFLOW")))
"""

LOG = """\
mlflow.set_experiment("mine")
with mlflow.start_run(run_name="first") as run:
    mlflow.log_metric("loss", 0.5, step=1)
    mlflow.log_param("lr", 1)
    print(mlflow.active_run().info.run_id == run.info.run_id)
print(mlflow.active_run(), mlflow.get_run(run.info.run_id).data.metrics, mlflow.last_active_run().data.params)
print(len(mlflow.search_runs()), run.data.tags.get("mlflow.source.name"), run.info.user_id)
mlflow.log_metric("implicit", 1.0)
print(mlflow.active_run().info.run_name != "first")
print(sorted(t.name for t in threading.enumerate()))
"""


@pytest.mark.slow
def test_processes_of_scikit_learn(alike: Alike) -> None:
    alike(
        """
        from joblib import Parallel, delayed
        if __name__ == "__main__":
            print(Parallel(n_jobs=2)(delayed(pow)(x, 2) for x in range(5)))
        """,
        points=TWO,
    )


@pytest.mark.slow
def test_mlflow_knows_nothing_yet(alike: Alike) -> None:
    alike(
        MLFLOW,
        variables={"OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "false"},
        tracker=lambda trial, attempt: {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:9/trial/{trial}"},
        points=TWO,
    )


@pytest.mark.slow
def test_mlflow_logs_into_a_store_of_each_trials_own(alike: Alike, tmp_path: Any) -> None:
    seen = alike(
        MLFLOW + LOG,
        variables={
            "OMP_NUM_THREADS": "1",
            "MLFLOW_ALLOW_FILE_STORE": "true",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        tracker=lambda trial, attempt: {"MLFLOW_TRACKING_URI": f"file:../runs{trial}"},
        hide=[r"[0-9a-f]{32}", r"[\d/]{10} [\d:]{8} (?=INFO)"],
        points=TWO,
    )
    assert len(seen) == 2
