"""Wrong sweep files as people meet them: through the command line, which answers and writes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.spec.wrong_variants import GOOD, VARIANTS, Found

from barrido.cli.main import run

Answer = tuple[int, str]
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]\n"
    for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture
def answer(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """What `job create` says to a file, which must not leave anything behind."""
    monkeypatch.delenv("BARRIDO_WORKSPACE", raising=False)
    monkeypatch.delenv("BARRIDO_DEBUG", raising=False)

    def ask(text: str | bytes, *args: str) -> Answer:
        (folder / "sweep.yml").write_bytes(text.encode() if isinstance(text, str) else text)
        capfd.readouterr()
        code = run(["job", "create", "sweep.yml", *args])
        said = capfd.readouterr()
        assert said.out == ""
        assert "Traceback" not in said.err
        assert "a bug in barrido" not in said.err
        assert not (folder / ".barrido").exists()
        return code, said.err

    return ask


def test_the_file_that_they_vary_is_right(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "sweep.yml").write_text("\ufeff" + GOOD.replace("\n", "\r\n"), encoding="utf-8")
    assert run(["job", "validate", "sweep.yml"]) == 0
    assert capfd.readouterr().out.endswith("sweep.yml is right\n")


@pytest.mark.parametrize(
    ("written", "instead", "expected"), [pytest.param(*rest, id=name) for name, *rest in VARIANTS]
)
def test_a_wrong_file_gets_the_right_answer(
    written: str, instead: str, expected: list[Found], answer: Callable[..., Answer]
) -> None:
    assert written in GOOD
    code, said = answer(GOOD.replace(written, instead, 1))
    assert code == 2
    found = re.findall(r"^  sweep\.yml:(\d+): (.*(?:\n    .*)*)", said, re.MULTILINE)
    assert len(found) == len(expected), said
    for (line, text), (at, path, part) in zip(found, expected, strict=True):
        assert int(line) == at, said
        assert text.startswith(f"{path}: " if path else ""), said
        assert part in text, said


@pytest.mark.parametrize(
    ("content", "place", "part"),
    [
        pytest.param(b"", "sweep.yml:1", "is empty", id="nothing"),
        pytest.param(b"# soon\n", "sweep.yml:1", "is empty", id="a comment"),
        pytest.param(b"- a\n", "sweep.yml:1", "a mapping of keys to values (got a list)", id="a list"),
        pytest.param(b"sweep\n", "sweep.yml:1", "(got 'sweep')", id="a word"),
        pytest.param(b"type: sweep\nname: caf\xe9\n", "sweep.yml:2", "got the byte 0xe9", id="latin-1"),
        pytest.param("type: sweep".encode("utf-16"), "sweep.yml:1", "the encoding UTF-8", id="utf-16"),
        pytest.param(b"type: sweep\nname: a\0b\n", "sweep.yml:2", "does not allow (got U+0000)", id="a NUL"),
        pytest.param(bytes(range(256)), "sweep.yml", "does not allow|is not UTF-8", id="no text at all"),
        pytest.param(BOMB.encode(), "sweep.yml:1", "holds more than 200000 values", id="a bomb of aliases"),
        pytest.param(b"[" * 1500, "sweep.yml:1", "more than 60 levels deep", id="a bomb of brackets"),
        pytest.param(("a: " + "{a: " * 80 + "1" + "}" * 80).encode(), "sweep.yml:1",
            "more than 60 levels deep", id="a deep mapping"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_sweep_is_refused(
    content: bytes, place: str, part: str, answer: Callable[..., Answer]
) -> None:
    code, said = answer(content)
    assert code == 2
    assert place in said
    assert re.search(part.replace("(", r"\(").replace(")", r"\)").replace("+", r"\+"), said), said


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("limits.max_total_trials", "--set takes PATH=VALUE (got 'limits.max_total_trials')"),
        ("=3", "--set takes PATH=VALUE"),
        (
            "limits.max_total_trials=many",
            "--set limits.max_total_trials=many: limits.max_total_trials: must be",
        ),
        ("limits.max_trials=4", "did you mean 'max_total_trials'?"),
        ("search_space.layer.values=[1]", "there is no search_space.layer"),
        ("search_space.layers.values.7=1", "its items are numbered 0 to 2"),
        ("search_space.layers.values=[1", "--set search_space.layers.values=[1: search_space.layers.values"),
        ("objective.goal.a=1", "nothing can be set below objective.goal: it is 'minimize'"),
        ("objective.goal=", "must be minimize or maximize (got nothing)"),
        ("trial.command=!!python/name:os.system x", "trial.command: "),
    ],
)
def test_what_is_wrong_with_set_is_said_with_the_option(
    change: str, part: str, answer: Callable[..., Answer]
) -> None:
    code, said = answer(GOOD, "--set", change)
    assert code == 2
    assert part in said


def test_a_file_that_cannot_be_had_is_a_wrong_request(
    folder: Path, capfd: pytest.CaptureFixture[str], answer: Callable[..., Answer]
) -> None:
    answer("type: swep")
    for path, part in [
        ("swep.yml", "did you mean 'sweep.yml'?"),
        ("src", "is a folder, not a file"),
        ("no/where.yml", "there is no folder 'no' either"),
        ("sweep.yml/x.yml", "cannot read"),
    ]:
        assert run(["job", "create", path]) == 2
        assert part in capfd.readouterr().err
    assert not (folder / ".barrido").exists()
