"""Standard input, output and error of a script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Alike = Callable[..., list[Any]]

STREAMS = """\
import io, os, sys
for name in ("stdin", "stdout", "stderr"):
    stream = getattr(sys, name)
    print(
        name, stream is getattr(sys, f"__{name}__"), type(stream), stream.name, stream.mode, stream.encoding,
        stream.errors, stream.newlines, stream.line_buffering, stream.write_through, stream.closed,
        stream.isatty(), stream.seekable(), stream.readable(), stream.writable(), stream.fileno(),
        type(stream.buffer), stream.buffer.seekable(), os.isatty(stream.fileno()),
    )
    raw = getattr(stream.buffer, "raw", stream.buffer)
    print(raw, raw.closefd, raw.mode, raw.seekable(), raw._blksize, stream.buffer)
print(sys.stdin.read(), sys.stdin.buffer.read(), os.read(0, 10))
print(io.text_encoding(None), sys.stdout.tell() >= 0 if sys.stdout.seekable() else "no tell")
"""

BOTH = """\
import os, subprocess, sys
for i in range(20):
    print("out", i)
    print("err", i, file=sys.stderr)
    sys.stdout.write("no newline ")
    sys.stderr.write("no newline ")
    os.write(1, b"direct\\n")
    if i % 9 == 0:
        subprocess.run(["echo", "from a child"])
sys.stdout.flush()
print("é ü 漢字 \\N{GRINNING FACE}")
print("last", end="")
"""

SLOW = [
    {"PYTHONIOENCODING": "utf-16"},
    {"PYTHONUNBUFFERED": "", "PYTHONIOENCODING": ":backslashreplace"},
    {"LC_ALL": "C"},
    {"LC_ALL": "no_such.locale"},
]
ENCODINGS = [
    {},
    {"PYTHONIOENCODING": "latin-1:namereplace"},
    {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONUNBUFFERED": ""},
    *(pytest.param(variables, marks=pytest.mark.slow) for variables in SLOW),
]


def _name(variables: dict[str, str]) -> str:
    return "-".join(f"{name}={text}" for name, text in variables.items()) or "plain"


@pytest.mark.parametrize("variables", ENCODINGS, ids=_name)
def test_the_streams_and_what_arrives_through_them(alike: Alike, variables: dict[str, str]) -> None:
    alike(STREAMS + BOTH, variables=variables, hide=[r"(?<=_blksize )\d+"])


ENDS = [
    "",
    "os._exit(3)",
    "os.abort()",
    "os.kill(os.getpid(), 9)",
    "sys.exit('bye')",
    "1 / 0",
    "sys.stdout.close()",
]


@pytest.mark.parametrize("unbuffered", ["1", ""])
def test_what_is_written_before_the_end(alike: Alike, unbuffered: str) -> None:
    alike(
        """
        import os, sys
        print("a line")
        print("half a line", end="")
        print("an error", file=sys.stderr)
        open("file", "w").write("never flushed by the script")
        kept = open("kept", "w")
        kept.write("kept open")
        exec(sys.argv[1])
        """,
        command="python train.py ${{search_space.name}}",
        variables={"PYTHONUNBUFFERED": unbuffered},
        points=[{"name": end} for end in ENDS],
    )


def test_standard_input_is_at_its_end(alike: Alike) -> None:
    alike("print(input('a question? '))")


def test_a_child_reads_standard_input_too(alike: Alike) -> None:
    alike(
        """
        import subprocess
        print(subprocess.run(["cat"], capture_output=True).stdout, subprocess.run(["cat", "-"]).returncode)
        """
    )


def test_streams_that_the_script_changes(alike: Alike) -> None:
    alike(
        """
        import contextlib, io, os, sys
        sys.stdout.reconfigure(encoding="ascii", errors="replace", line_buffering=True)
        print("é")
        with contextlib.redirect_stdout(io.StringIO()) as text:
            print("kept")
        print(text.getvalue())
        saved = os.dup(1)
        os.dup2(os.open("elsewhere", os.O_WRONLY | os.O_CREAT), 1)
        print("into a file")
        os.system("echo a child into a file")
        sys.stdout.flush()
        os.dup2(saved, 1)
        sys.stdout = open("replaced", "w")
        print("into another file, never closed")
        sys.stderr = io.TextIOWrapper(open(sys.stderr.fileno(), "wb", 0, closefd=False), encoding="latin-1")
        print("ü", file=sys.stderr)
        """
    )


def test_what_c_code_writes(alike: Alike) -> None:
    alike(
        """
        import ctypes, os
        libc = ctypes.CDLL(None)
        libc.printf(b"from C, kept in its own buffer\\n")
        print("from Python")
        libc.puts(b"and more")
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        """
    )


def test_surrogates_cannot_be_printed(alike: Alike) -> None:
    alike("import sys; print('\\udcff', file=sys.stderr); print('\\udcff')")


def test_a_lot_is_written(alike: Alike) -> None:
    alike(
        """
        import sys
        sys.stdout.write("x" * 3_000_000 + "\\n")
        sys.stderr.buffer.write(b"y" * 100_000)
        """
    )


def test_a_fault_handler_writes_where_errors_go(alike: Alike) -> None:
    alike(
        """
        import faulthandler, os, signal
        print(faulthandler.is_enabled())
        faulthandler.enable()
        faulthandler.dump_traceback()
        faulthandler.register(signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
        faulthandler._sigsegv()
        """
    )
