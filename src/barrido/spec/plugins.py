"""What other packages bring: samplers, schedulers and executors, found by their entry points.

They are looked for only where a name is none of barrido's own: who has none pays nothing, and none can take
the place of what is barrido's. Light to import: pydantic is not needed here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from barrido.errors import BarridoError, Problem, RequestError, SpecError
from barrido.spec.messages import did_you_mean
from barrido.spec.source import Findings, Path, undotted

GROUPS: Mapping[str, str] = {
    "sampler": "barrido.samplers",
    "scheduler": "barrido.schedulers",
    "executor": "barrido.executors",
}
"""The groups of entry points."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """``make`` is the class that the entry point names, ``package`` what brought it, as in "halton 1.0"."""

    kind: str
    name: str
    package: str
    make: Any


def names(kind: str) -> list[str]:
    """What there is of a kind, by name."""
    return sorted({_name(point) for point in entry_points(group=GROUPS[kind])})


def find(kind: str, name: str) -> Plugin | None:
    """None if no package brings it. Raises RequestError if it cannot be loaded, or several bring it."""
    points = [point for point in entry_points(group=GROUPS[kind]) if _name(point) == name]
    if not points:
        return None
    packages = sorted(_package(point) for point in points)
    if len(points) > 1:
        raise RequestError(
            f"several packages bring a {kind} {name!r}: {', '.join(packages)}", hint="keep one of them"
        )
    try:
        make = points[0].load()
    except Exception as error:  # whatever a stranger's module raises when it is imported
        what = f"{packages[0]}, which brings the {kind} {name!r}, cannot be imported: {_in_a_line(error)}"
        raise RequestError(what, hint="repair or reinstall that package") from error
    return Plugin(kind, name, packages[0], make)


def packages(chosen: Mapping[str, str]) -> dict[str, str]:
    """What brings what is ``chosen``, names by kind; kinds whose choice no package brings are left out."""
    found = {kind: find(kind, name) for kind, name in chosen.items()}
    return {kind: plugin.package for kind, plugin in found.items() if plugin is not None}


def load(kind: str, name: str, package: str = "") -> Plugin:
    """As `find`; RequestError, too, if no package brings it. ``package`` is what brought it once."""
    if (found := find(kind, name)) is not None:
        return found
    source = package or f"the package that brings it (its entry point is in {GROUPS[kind]})"
    hint = f"install {source} into the Python that runs barrido"
    raise RequestError(f"the {kind} {name!r} is not installed here", hint=hint)


def make(plugin: Plugin, *args: Any, options: Mapping[str, Any], **given: Any) -> Any:
    """The object: made of ``args`` and ``given``, which are barrido's, and the user's ``options``.

    Raises SpecError with what is wrong with the options, whose names are the paths.
    """
    if problems := _misfits(plugin, options, len(args), set(given)):
        raise SpecError(problems)
    return _tried(plugin, plugin.make, *args, **given, **options)


@contextmanager
def findings_at(section: Path, findings: Findings) -> Iterator[None]:
    """What `load`, `make` and `check_argument` raise becomes findings about ``section``."""
    try:
        yield
    except SpecError as error:
        for problem in error.problems:
            findings.wrong((*section, *undotted(problem.path)), problem.what, problem.hint)
    except RequestError as error:
        findings.wrong(section, error.message, error.hint)


def check_argument(plugin: Plugin, argument: str) -> None:
    """Whether an executor takes what stands behind the colon of `compute: name:…`. Raises SpecError."""
    _tried(plugin, lambda: plugin.make.check(argument))


def _tried(plugin: Plugin, call: Any, *args: Any, **options: Any) -> Any:
    try:
        return call(*args, **options)
    except SpecError:
        raise
    except BarridoError as error:
        raise SpecError([Problem(error.message, hint=error.hint)]) from error
    except ValueError as error:
        raise SpecError([Problem(str(error))]) from error
    except Exception as error:  # a mistake of the package's, which the user is to read in a line
        raise SpecError([Problem(f"{plugin.package} failed: {_in_a_line(error)}")]) from error


def _misfits(plugin: Plugin, options: Mapping[str, Any], skipped: int, given: set[str]) -> list[Problem]:
    """Options that its constructor does not know, and those that it needs."""
    parameters = [*inspect.signature(plugin.make).parameters.values()][skipped:]
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters)
    known = {
        one.name: one
        for one in parameters
        if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) and one.name not in given
    }
    otherwise = "" if known else f"{plugin.name} has no options"
    problems = [
        Problem("is not a known key", name, hint=did_you_mean(name, known, otherwise=otherwise))
        for name in options
        if name in given or (name not in known and not takes_any)
    ]
    needed = (name for name, one in known.items() if one.default is one.empty and name not in options)
    return problems + [Problem("is missing", name) for name in needed]


def _name(point: EntryPoint) -> str:
    return re.sub(r"[\s-]+", "_", point.name.strip()).lower()


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _in_a_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
