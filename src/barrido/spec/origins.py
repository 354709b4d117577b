"""Where the parts of a description come from that is put together from several places."""

from __future__ import annotations

from barrido.spec.source import Findings, Path, Source


class Origins:
    """For each part of a description: the findings of the file that it stands in, and its path there."""

    def __init__(self, findings: Findings, place: Path) -> None:
        self._places: dict[Path, tuple[Findings, Path]] = {(): (findings, place)}

    def put(self, path: Path, findings: Findings, place: Path) -> None:
        """What is at ``path``, with all below it, stands at ``place`` there."""
        self._places[path] = (findings, place)

    def of(self, path: Path) -> tuple[Findings, Path]:
        for length in range(len(path), -1, -1):
            if (found := self._places.get(path[:length])) is not None:
                return found[0], (*found[1], *path[length:])
        raise AssertionError("everything has an origin")


class ComposedFindings(Findings):
    """What is found in a description whose parts have ``origins``: it is told there, and to ``whole``."""

    def __init__(self, origins: Origins, whole: Findings) -> None:
        super().__init__(Source(""))
        self._origins = origins
        self._whole = whole

    def wrong(self, path: Path, what: str, hint: str = "") -> None:
        super().wrong(path, what, hint)
        findings, place = self._origins.of(path)
        findings.wrong(place, what, hint)

    def note(self, path: Path, what: str) -> None:
        findings, place = self._origins.of(path)
        told = Findings(findings.source)
        told.note(place, what)
        self.add_elsewhere(told)

    def add_elsewhere(self, others: Findings) -> None:
        super().add_elsewhere(others)
        self._whole.add_elsewhere(others)
