"""Imports: whose module wins, and what third-party modules do when they are imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Alike = Callable[..., list[Any]]


@pytest.mark.parametrize(
    "name",
    [
        "utils",
        "random",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("json", "logging", "third", "string")),
    ],
)
def test_a_module_of_the_users_own_wins(alike: Alike, name: str) -> None:
    alike(
        f"""
        import {name}, tempfile, statistics, sys
        print({name}.__file__, getattr({name}, "mine", None), sys.modules["{name}"] is {name})
        import third
        print(third.__file__)
        """,
        code={f"{name}.py": "mine = 1\n"},
        site={"third.py": "", "utils/__init__.py": "raise ImportError('the wrong one')\n"},
    )


def test_a_module_of_the_users_own_breaks_a_third_partys_import(alike: Alike) -> None:
    alike(
        "import third\nprint(third.colorsys)\n",
        code={"colorsys.py": "raise RuntimeError('shadowed')\n"},
        site={"third.py": "import colorsys\n"},
    )


def test_the_path_is_changed_before_an_import(alike: Alike) -> None:
    alike(
        """
        import sys
        sys.path.insert(0, "vendored")
        import third
        sys.path.append("last")
        import only_there
        print(third.where, third.__file__, only_there.__file__, sys.path)
        """,
        code={"vendored/third.py": "where = 'vendored'\n", "last/only_there.py": ""},
        site={"third.py": "where = 'installed'\n"},
    )


def test_the_environment_is_changed_before_an_import(alike: Alike) -> None:
    alike(
        """
        import os
        os.environ["THIRD_MODE"] = "chosen"
        import third
        print(third.mode)
        """,
        site={"third.py": "import os\nmode = os.environ.get('THIRD_MODE', 'default')\n"},
    )


def test_other_things_are_changed_before_an_import(alike: Alike) -> None:
    alike(
        """
        import builtins, sys, warnings
        warnings.simplefilter("ignore")
        sys.argv = ["changed"]
        builtins.flag = True
        import third
        print(third.seen)
        """,
        site={
            "third.py": "import builtins, sys, warnings\n"
            "seen = sys.argv, getattr(builtins, 'flag', False), len(warnings.filters)\n"
            "warnings.warn('on import')\n"
        },
    )


def test_an_import_under_a_condition(alike: Alike) -> None:
    alike(
        """
        import os, sys
        if os.environ["BARRIDO_TRIAL"] == "0":
            import third
        else:
            print("third" in dir(), "third" in sys.modules)
            sys.modules.pop("third", None)
            import third
        print(third.values)
        third.values.append(1)
        """,
        site={"third.py": "values = []\n"},
        hide=["False (True|False)"],
    )


def test_a_module_that_is_blocked(alike: Alike) -> None:
    alike(
        """
        import sys
        sys.modules["third"] = None
        try:
            import third
        except ImportError as error:
            print(error)
        """,
        site={"third.py": ""},
    )


def test_an_optional_module(alike: Alike) -> None:
    alike(
        """
        try:
            import not_installed
        except ImportError as error:
            print(type(error), error, error.name)
        try:
            import third.missing
        except ImportError as error:
            print(type(error), error)
        import third
        print(third.found)
        """,
        site={
            "third/__init__.py": "try:\n    import numpy as found\nexcept ImportError:\n    found = False\n"
        },
    )


def scripts(name: str) -> dict[str, str]:
    """The scripts of a file by their names, each under a line ``--- name``."""
    _, *sections = Path(__file__).with_name(name).read_text().split("--- ")
    return dict(section.split("\n", 1) for section in sections)


EFFECTS = scripts("effects.txt")

SCRIPT = """\
import third
import gc, os, random, resource, signal, sys, threading, warnings
print(getattr(third, "value", None), getattr(third, "check", lambda: None)())
print(sys.path, sys.argv, os.getcwd(), sorted(os.environ), oct(os.umask(0)), os.nice(0))
print([signal.getsignal(n) for n in (10, 12, 15, 17)], signal.pthread_sigmask(signal.SIG_BLOCK, ()))
print(len(os.listdir("/proc/self/fd")), threading.active_count(), os.sched_getaffinity(0))
print(warnings.filters, gc.isenabled(), gc.get_threshold(), sys.getrecursionlimit(), sys.meta_path)
print(resource.getrlimit(resource.RLIMIT_CORE), len(os.listdir("/proc/self/task")))
print(os.getpgid(0) == os.getppid())
undefined
"""


QUICK = {
    "prints",
    "reads the trial",
    "reads the folder",
    "starts a thread",
    "opens a socket",
    "sets a variable",
    "handles a signal",
    "registers an exit hook",
    "fails in a trial",
    "imports a module of the users",
}
LATE = "what the first trial imported late is there from the start in later ones"
LIMITS = {
    "reads the trial in C": "nobody sees which variables C code reads",
    "starts a thread": "a thread that has ended by the time of the fork leaves no trace",
    "keeps its pid": "who keeps a pid wants to notice a fork",
    "keeps its thread": "who keeps a thread's number wants to notice a fork",
    "keeps its session": "the nursery leads one of its own",
    "leads a session": "the nursery leads one of its own",
}


@pytest.mark.parametrize(
    "effect", [pytest.param(e, marks=[] if e in QUICK else pytest.mark.slow) for e in EFFECTS]
)
def test_an_import_with_an_effect(alike: Alike, effect: str) -> None:
    alike(
        SCRIPT,
        command="python train.py --lr ${{search_space.lr}}",
        site={"third.py": EFFECTS[effect]},
        code={"helper.py": "value = 'the users own'\n"},
        apart=["id"],
        starts="either",
        limit=LIMITS.get(effect, ""),
    )


def test_an_import_that_only_happens_late_with_an_effect(alike: Alike) -> None:
    alike(
        """
        import os, third
        print("before", flush=True)
        print(third.lazily())
        """,
        site={
            "third.py": "def lazily():\n    import slow_part\n    return slow_part.value\n",
            "slow_part.py": "import os\nprint('part', flush=True)\nvalue = os.environ['BARRIDO_TRIAL']\n",
        },
    )


def test_what_a_module_imports_later_is_not_seen_before(alike: Alike) -> None:
    alike(
        """
        import third
        print(third.part_is_there())
        import third.part
        print(third.part_is_there())
        """,
        site={
            "third/__init__.py": "def part_is_there():\n    return 'part' in globals()\n",
            "third/part.py": "",
        },
        limit=LATE,
    )
