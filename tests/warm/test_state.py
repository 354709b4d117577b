"""State that must be each trial's own: random numbers, logging, modules, warnings, locale."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Alike = Callable[..., list[Any]]


def test_random_numbers_are_each_trials_own(alike: Alike) -> None:
    seen = alike(
        """
        import json, os, random, secrets, tempfile, uuid
        draws = [
            random.random(), random.getrandbits(64), random.Random().random(), random.SystemRandom().random(),
            uuid.uuid4().hex, uuid.uuid1().hex, os.urandom(8).hex(), secrets.token_hex(),
            next(tempfile._get_candidate_names()), str(random.getstate()[1][:5]),
        ]
        json.dump(draws, open("draws", "w"))
        random.seed(7)
        print(random.random(), random.sample(range(99), 5), random.gauss(0, 1), random.choice("abc"))
        """,
        apart=["draws"],
    )
    for draws in zip(*(json.loads(one.files["draws"]) for one in seen), strict=True):
        assert len(set(draws)) == len(seen)


def test_logging(alike: Alike) -> None:
    alike(
        """
        import logging, logging.handlers, sys
        print(logging.root.handlers, logging.root.level, sorted(logging.root.manager.loggerDict))
        print(logging._handlers.data if hasattr(logging._handlers, "data") else None, logging.lastResort)
        logging.warning("before configuration")
        logging.basicConfig(
            level=logging.DEBUG, force=True,
            format="%(levelname)s %(name)s %(filename)s:%(lineno)d %(funcName)s %(threadName)s "
            "%(processName)s %(message)s",
        )
        logging.getLogger("mine").info("text %d", 3)
        record = logging.makeLogRecord({"msg": "x"})
        print(0 <= record.relativeCreated < 5000, record.process == __import__("os").getpid())
        logging.captureWarnings(True)
        __import__("warnings").warn("captured")
        buffered = logging.handlers.MemoryHandler(100, target=logging.StreamHandler(sys.stdout))
        logging.getLogger("kept").addHandler(buffered)
        logging.getLogger("kept").info("flushed at exit")
        """
    )


def test_the_times_of_log_records_begin_with_the_trial(alike: Alike) -> None:
    alike(
        """
        import os, time
        time.sleep(0.6 * (os.environ["BARRIDO_TRIAL"] == "0"))
        import logging
        print(logging.LogRecord("n", 10, "p", 1, "m", (), None).relativeCreated < 500)
        """
    )


def test_exit_hooks_run_in_the_order_in_which_they_were_registered(alike: Alike) -> None:
    alike(
        """
        import atexit
        atexit.register(print, "first")
        import concurrent.futures, logging, multiprocessing.util, weakref
        atexit.register(print, "second")
        weakref.finalize(logging, print, "finalizer")
        multiprocessing.util.Finalize(None, print, ("of multiprocessing",), exitpriority=1)
        """,
        limit="what the first trial imported late is there from the start in later ones",
    )


def test_modules_of_the_users_own_are_fresh(alike: Alike) -> None:
    alike(
        """
        import counter, package.deep
        print(counter.count(), counter.count(), package.deep.state, counter.trial)
        package.deep.state.append(1)
        def lazily():
            import late
            return late.values
        print(lazily())
        lazily().append(2)
        """,
        code={
            "counter.py": "import os\nn = 0\ntrial = os.environ['BARRIDO_TRIAL']\n"
            "def count():\n    global n\n    n += 1\n    return n\nprint('imported')\n",
            "package/__init__.py": "print('package', __name__, __path__)\n",
            "package/deep.py": "from . import sibling\nstate = [sibling.value]\n",
            "package/sibling.py": "value = 3\n",
            "late.py": "values = []\nprint('late')\n",
        },
    )


def test_modules_of_the_standard_library_are_as_new(alike: Alike) -> None:
    alike(
        """
        import decimal, json, linecache, re, warnings, functools, mimetypes, copyreg, codecs, string
        print(json.dumps(decimal.getcontext().prec), len(linecache.cache), decimal.getcontext().flags)
        decimal.getcontext().prec = 5
        warnings.filterwarnings("ignore")
        json.mine = 3
        re.purge()
        print(warnings.filters[:2], hasattr(string, "mine"))
        string.mine = 1
        """
    )


def test_a_warning_that_is_shown_once_is_shown_in_every_trial(alike: Alike) -> None:
    alike(
        """
        import warnings, mine
        mine.warn()
        mine.warn()
        import asyncore
        from importlib.resources import open_text
        """,
        code={"mine.py": "import warnings\ndef warn():\n    warnings.warn('once')\n"},
        variables={"PYTHONWARNINGS": "default"},
    )


def test_the_locale(alike: Alike) -> None:
    alike(
        """
        import calendar, locale, time
        print(locale.setlocale(locale.LC_ALL), locale.getlocale(), locale.getpreferredencoding())
        print(locale.localeconv()["decimal_point"], calendar.day_name[0], time.strftime("%A", (2024,) * 9))
        print(locale.getencoding(), locale.setlocale(locale.LC_NUMERIC, ""))
        """,
        outer={"LC_NUMERIC": "C.UTF-8"},
    )


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", ""])
def test_the_time_zone(alike: Alike, zone: str) -> None:
    alike("import time, datetime; print(time.tzname, time.localtime(0), datetime.datetime.fromtimestamp(0))",
          variables={"TZ": zone})  # fmt: skip


def test_a_time_zone_of_each_trials_own(alike: Alike) -> None:
    alike(
        "import time, datetime; print(time.tzname, time.localtime(0), time.timezone)",
        tracker=lambda trial, attempt: {"TZ": ("Asia/Tokyo", "America/New_York", "UTC")[trial]},
        starts="either",
    )


def test_a_temporary_folder_of_each_trials_own(alike: Alike, tmp_path: Any) -> None:
    for trial in range(3):
        (tmp_path / f"tmp{trial}").mkdir()
    alike(
        """
        import tempfile
        print(tempfile.gettempdir(), tempfile.tempdir)
        """,
        tracker=lambda trial, attempt: {"TMPDIR": f"{tmp_path}/tmp{trial}"},
        starts="either",
    )


def test_variables_of_python_of_each_trials_own(alike: Alike) -> None:
    alike(
        """
        import sys, warnings
        print(sys.flags, sys.path, warnings.filters, sys.stdout.encoding)
        print({f"name {i}" for i in range(20)} if sys.flags.hash_randomization == 0 else "random")
        """,
        tracker=lambda trial, attempt: {
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": f"/somewhere/{trial}",
            "PYTHONOPTIMIZE": str(trial),
            "PYTHONIOENCODING": ("utf-8", "latin-1", "ascii")[trial],
        },
        starts="either",
    )


def test_a_home_and_a_path_of_each_trials_own(alike: Alike) -> None:
    alike(
        "import os, pathlib, site; print(pathlib.Path.home(), site.getuserbase())",
        tracker=lambda trial, attempt: {"HOME": f"/home/{trial}"},
        starts="either",
    )


def test_objects_that_the_collector_sees(alike: Alike) -> None:
    alike(
        """
        import gc, weakref, sys
        class Node:
            def __del__(self):
                print("collected")
        node = Node()
        node.me = node
        del node
        print(gc.collect() >= 1, gc.get_threshold(), gc.get_stats()[2]["uncollectable"])
        print(sys.getrefcount(object()), sys.intern("abc") is sys.intern("abc"))
        """
    )


def test_tracing_and_profiling(alike: Alike) -> None:
    alike(
        """
        import cProfile, sys, trace, tracemalloc
        print(tracemalloc.is_tracing(), sys.gettrace(), sys.getprofile())
        tracemalloc.start()
        print(len(tracemalloc.take_snapshot().traces) > 0)
        sys.settrace(lambda *a: None)
        def f():
            return 1
        profile = cProfile.Profile()
        print(profile.runcall(f))
        """
    )


def test_command_lines_of_well_known_modules(alike: Alike) -> None:
    alike(command="python -m timeit -n 1 -r 1 -s 'import json' 'json.dumps(1)'", hide=[r"[\d.]+ [num]?sec"])


def test_a_debugger_at_the_end_of_input(alike: Alike) -> None:
    alike("x = 1\nbreakpoint()\nprint('after')", hide=[r"bdb.*"])
