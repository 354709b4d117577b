"""What goes to the terminal or into a pipe: text, JSON, YAML."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from math import isfinite
from typing import Any, TextIO

import click


def say(text: str = "", *, to: TextIO | None = None) -> None:
    """Print a line at once. Styles are dropped where nobody would see them."""
    click.echo(text, file=to, color=None if wants_color() else False)
    (to or sys.stdout).flush()


def say_progress(text: str) -> None:
    """What goes on before there is an answer: beside what programs read."""
    say(text, to=sys.stderr)


def wants_color() -> bool:
    """Whether a terminal, if it is one, may be written to in colours (see no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(stream: TextIO) -> bool:
    """Whether colours would be seen in ``stream``."""
    return stream.isatty() and wants_color()


def painted(text: str, color: str | None = None, *, bold: bool = False, dim: bool = False) -> str:
    return click.style(text, fg=color, bold=bold or None, dim=dim or None)


def width() -> int | None:
    """Columns of the terminal; None where the output goes elsewhere, and lines may be of any length."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def say_lines(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


def say_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print lines of ``key  value``, aligned; further lines of a value stand below its first one."""
    from barrido.sdk.rows import status_painted
    from barrido.sdk.wording import printable

    shown = [(key, text) for key, text in pairs if key and text.strip()]
    room = max(len(key) for key, _ in shown)
    for key, text in shown:
        first, *more = map(printable, text.rstrip().splitlines())
        say(f"{key:<{room}}  {status_painted(first, paint=painted) if key == 'status' else first}")
        say_lines(f"{'':<{room}}  {line}" for line in more)


def say_data(data: Any, style: str) -> None:
    """Print ``data`` as "json" or "yaml". NaN and the infinities become text: JSON has no word for them."""
    body = _plain(data)
    if style == "json":
        say(json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        say(as_yaml(body).rstrip("\n"))


def as_yaml(body: Any) -> str:
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 100
    text = StringIO()
    yaml.dump(body, text)
    return text.getvalue()


def _plain(value: Any) -> Any:
    """
    >>> _plain({"loss": float("-inf"), "seen": (1, None)})
    {'loss': '-Infinity', 'seen': [1, None]}
    """
    match value:
        case None | bool() | int():
            return value
        case float():
            if isfinite(value):
                return value
            return "NaN" if value != value else ("Infinity" if value > 0 else "-Infinity")
        case str():
            return str(value)  # an enumeration's member, too
        case Mapping():
            return {str(name): _plain(item) for name, item in value.items()}
        case Sequence():
            return [_plain(item) for item in value]
        case _:
            return str(value)
