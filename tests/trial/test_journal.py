from __future__ import annotations

import json
import subprocess
import sys
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barrido.trial.journal import Line, append, format_line, parse_line


def read(raw: bytes) -> Line | str:
    """The line, or the complaint about it."""
    try:
        return parse_line(raw)
    except ValueError as error:
        return str(error)


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(str.isprintable)


@given(
    st.dictionaries(NAMES, st.floats(), min_size=1, max_size=4),
    st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(0, 1e10),
)
def test_what_is_written_is_read(metrics: dict[str, float], step: int | None, time: float) -> None:
    line = parse_line(format_line(metrics, step=step, time=time))
    assert {name: repr(value) for name, value in line.metrics.items()} == {
        name: repr(value) for name, value in metrics.items()
    }
    assert (line.step, line.time) == (step, time)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_whatever_is_read_is_a_line_or_a_complaint(raw: bytes) -> None:
    assert read(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("name", "value", "metrics", "step", "time"), JSON)))
def test_whatever_has_the_right_keys_is_a_line_or_a_complaint(body: dict[str, object]) -> None:
    found = read(json.dumps(body).encode())
    assert found
    if isinstance(found, Line):
        assert all(isinstance(value, float) for value in found.metrics.values())


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("NaN", nan),
        ("null", nan),
        ('"NaN"', nan),
        ("Infinity", inf),
        ('"Infinity"', inf),
        ('"-Infinity"', -inf),
        ("3", 3.0),
    ],
)
def test_numbers_json_has_no_word_for(raw: str, value: float) -> None:
    read = parse_line(f'{{"name": "loss", "value": {raw}}}'.encode()).metrics["loss"]
    assert repr(read) == repr(value)


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"loss=1", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "not an object"),
        (b'{"value": 1}', 'neither "metrics" nor'),
        (b'{"name": "loss", "value": true}', "is not a number"),
        (b'{"name": "loss", "value": "0.5"}', "is not a number"),
        (b'{"name": ["loss"], "value": 1}', "a metric's name"),
        (b'{"name": "", "value": 1}', "a metric's name"),
        (b'{"name": "\\ud800", "value": 1}', "printable"),
        (b'{"name": "loss", "value": 1' + b"0" * 400 + b"}", "larger than any number"),
        (b'{"name": "loss", "value": 1, "step": 1.5}', '"step" is not a whole number'),
        (b'{"name": "loss", "value": 1, "step": "1"}', '"step" is not a whole number'),
        (b'{"name": "loss", "value": 1, "step": 99999999999999999999}', "at most 63 bits"),
        (b'{"name": "loss", "value": 1, "time": NaN}', '"time" is not a number of seconds'),
        (b'{"metrics": [1]}', '"metrics" is not an object'),
    ],
)
def test_complaints_say_what_is_wrong(raw: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_line(raw)


def test_a_whole_float_is_a_step(tmp_path: Path) -> None:
    assert parse_line(b'{"name": "loss", "value": 1, "step": 3.0}').step == 3


def test_many_writers_do_not_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    script = """
import sys
from barrido.trial.journal import append, format_line
for n in range(300):
    append(sys.argv[1], format_line({sys.argv[2] * 50: n}, step=None, time=0.0))
"""
    writers = [subprocess.Popen([sys.executable, "-c", script, str(path), f"m{n}"]) for n in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    lines = [parse_line(line) for line in path.read_bytes().splitlines()]
    assert len(lines) == 900
    for n in range(3):
        name = f"m{n}" * 50
        mine = [line.metrics[name] for line in lines if name in line.metrics]
        assert mine == [float(k) for k in range(300)]


def test_append_says_how_far_the_journal_reaches(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    assert append(path, b"abc\n") == 4
    path.write_bytes(b"abc\nde\n")
    assert append(path, b"f\n") == 9


def test_a_line_that_does_not_fit_on_the_disk_is_an_error(tmp_path: Path) -> None:
    script = f"""
import resource, signal
from barrido.trial.journal import append
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
append({str(tmp_path / "journal")!r}, b"first\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
try:
    append({str(tmp_path / "journal")!r}, b"second line\\n")
except OSError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"
