"""What the trials of a nursery share is not taken apart when one of them ends."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest


def ran(script: str) -> str:
    """What it prints, in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


FAMILY = """
    import atexit, gc, os, sys
    BASELINE = frozenset(sys.modules)
    from barrido.executors.nursery.shared import Shared
    shared = Shared(BASELINE)
    import sklearn.linear_model, pandas

    shared.keep()
    gc.freeze()

    def child(*, spares):
        "A process that ends as it is told to, and what that cost: page faults, exit status."
        if (pid := os.fork()) == 0:
            if spares:
                atexit.register(shared.leave)
            return None
        _, status, used = os.wait4(pid, 0)
        return used.ru_minflt, os.waitstatus_to_exitcode(status)
"""


def test_a_process_that_ends_copies_less_of_what_it_shares() -> None:
    out = ran(
        FAMILY
        + """
    for spares in (False, True):
        if (cost := child(spares=spares)) is None:
            break
        print(*cost, flush=True)
    """
    )
    (whole, code), (spared, spared_code) = (map(int, line.split()) for line in out.splitlines())
    assert (code, spared_code) == (0, 0)
    assert spared < 0.7 * whole


def test_what_is_its_own_comes_to_its_end_as_without_that() -> None:
    out = ran(
        FAMILY
        + """
    class Own:
        def __del__(self):
            print("the end of", self.name, print, flush=True)

    for spares in (False, True):
        if child(spares=spares) is None:
            import wave, ctypes  # that nobody shares
            first, wave.second = Own(), Own()
            first.name, wave.second.name = sys.intern("a new name"), "two"
            break
        print("--", flush=True)
    """
    )
    whole, spared, rest = out.split("--\n")
    assert whole == spared
    assert sorted(spared.splitlines()) == [
        f"the end of {name} <built-in function print>" for name in ("a new name", "two")
    ]
    assert rest == ""


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="other versions leave their strings alone")
def test_the_table_of_interned_strings_is_found() -> None:
    ran("""
        import sys
        from barrido.executors.nursery import interned
        table = interned.table()
        assert len(table) > 1000
        new = sys.intern("".join(["not there ", "before"]))
        assert table[new] is new
        assert next(reversed(table)) is new
    """)


def test_without_such_a_table_strings_are_left_alone() -> None:
    ran("""
        import sys
        sys.version_info = (3, 12, 0)
        from barrido.executors.nursery import interned
        assert interned.table() == {}
    """)
