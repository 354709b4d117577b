"""What peers did, kept: a file of JSON lines for each, so that they need to run once only."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from benchmarks.budgets.peers.process import PEERS
from benchmarks.budgets.play import Setting, Trace
from benchmarks.search.cache import append_line, read_lines

_FOLDER = Path(__file__).parent / "results"


def load(peer: str) -> dict[Setting, Trace]:
    """The runs of a peer's pinned version."""
    traces = {}
    for body in read_lines(_FOLDER / f"{peer}.jsonl"):
        if body.pop("version") == PEERS[peer].version:
            setting = Setting(**body.pop("setting"))
            traces[setting] = Trace(tuple(map(tuple, body.pop("improvements"))), **body)
    return traces


def append(peer: str, setting: Setting, trace: Trace) -> None:
    body = {"version": PEERS[peer].version, "setting": asdict(setting), **asdict(trace)}
    append_line(_FOLDER / f"{peer}.jsonl", body)
