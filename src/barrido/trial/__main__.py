"""``python -m barrido.trial loss=0.12 step=3``: report metrics from a shell script."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from barrido.trial.script import report

USAGE = """\
usage: barrido report NAME=VALUE... [step=N]

Report metrics of the running trial, as in: barrido report loss=0.12 accuracy=0.9 step=3
Outside of a sweep nothing happens.
"""


def main(argv: Sequence[str]) -> int:
    """Exit codes: 0 reported, 1 it could not be written, 2 the request is wrong."""
    if not argv or argv[0] in ("-h", "--help"):
        (sys.stdout if argv else sys.stderr).write(USAGE)
        return 0 if argv else 2
    try:
        metrics, step = parse(argv)
        report(metrics, step=step)
    except (TypeError, ValueError) as error:
        return _fail(str(error), hint="write it like this: barrido report loss=0.12 step=3", code=2)
    except OSError as error:
        return _fail(f"the report could not be written: {error}", hint="is the disk full?", code=1)
    return 0


def parse(words: Sequence[str]) -> tuple[dict[str, float], int | None]:
    """
    >>> parse(["loss=0.12", "step=3"])
    ({'loss': 0.12}, 3)
    """
    metrics: dict[str, float] = {}
    step = None
    for word in words:
        name, equals, text = word.rpartition("=")
        if not equals or not name:
            raise ValueError(f"{word!r} is not NAME=VALUE")
        if name == "step":
            try:
                step = int(text)
            except ValueError:
                raise ValueError(f"step is a whole number (got {text!r})") from None
        elif name in metrics:
            raise ValueError(f"{name!r} is there twice")
        else:
            try:
                metrics[name] = float(text)
            except ValueError:
                raise ValueError(f"the value of {name!r} is not a number (got {text!r})") from None
    return metrics, step


def _fail(message: str, *, hint: str, code: int) -> int:
    sys.stderr.write(f"error: {message}\n  hint: {hint}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
