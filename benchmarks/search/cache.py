"""What peers did, kept: a file of JSON lines for each, so that they need to run once only."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.search.peers.process import PEERS
from benchmarks.search.play import Run, Setting

_FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Record:
    """A run without the details of its timing."""

    losses: list[float]  # by order of ending
    median_s: float  # of a suggestion
    total_s: float  # of all suggestions

    @classmethod
    def of(cls, run: Run) -> Record:
        losses = [kept(loss) for loss in run.losses]
        return cls(losses, round(statistics.median(run.seconds), 5), round(sum(run.seconds), 3))


def kept(loss: float) -> float:
    """As exactly as losses are kept: to six significant digits."""
    return float(f"{loss:.6g}")


def load(peer: str) -> dict[Setting, Record]:
    """The runs of a peer's pinned version."""
    records = {}
    for body in read_lines(_FOLDER / f"{peer}.jsonl"):
        if body.pop("version") == PEERS[peer].version:
            setting = Setting(**body.pop("setting"))
            records[setting] = Record(**body)
    return records


def append(peer: str, setting: Setting, record: Record) -> None:
    body = {"version": PEERS[peer].version, "setting": asdict(setting), **asdict(record)}
    append_line(_FOLDER / f"{peer}.jsonl", body)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines. The last one may be torn: whoever wrote it was killed."""
    for line in path.read_text().splitlines() if path.exists() else ():
        with suppress(json.JSONDecodeError):
            yield json.loads(line)


def append_line(path: Path, body: Mapping[str, Any]) -> None:
    """Add an object in one write, on a line of its own even behind a torn one."""
    path.parent.mkdir(exist_ok=True)
    with path.open("a+b") as file:
        file.seek(max(file.tell() - 1, 0))
        torn = file.read(1) not in (b"", b"\n")
        file.write(b"\n" * torn + json.dumps(body).encode() + b"\n")
