"""A sweep on a terminal: the picture of `barrido.cli.frame`, redrawn in place when it changes."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.live import Live
from rich.text import Text

from barrido.cli.frame import Past, frame
from barrido.cli.output import wants_color
from barrido.sdk.progress import Progress
from barrido.sdk.wording import note_text


class LiveView:
    """Draws below what is already on the terminal; notes stay above the picture, it vanishes at the end."""

    def __init__(self) -> None:
        self._console = Console(
            file=sys.stdout, force_terminal=True, no_color=not wants_color(), highlight=False
        )
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._past = Past()
        self._drawn: tuple[str, ...] = ()
        self._live.start()

    def show(self, progress: Progress, *, at: float) -> None:
        for note in progress.notes:
            self._console.print(Text(note_text(note)))
        self._past.add(progress)
        size = self._console.size
        # The last line and column stay free: a terminal that wraps there would scroll the picture.
        lines = frame(progress, self._past, at=at, width=size.width - 1, height=size.height - 1)
        if tuple(lines) == self._drawn:
            return
        self._drawn = tuple(lines)
        text = Text.from_ansi("\n".join(lines), no_wrap=True, overflow="crop")
        self._live.update(text, refresh=True)

    def close(self) -> None:
        """Take the picture away; the cursor is where it was. May be repeated."""
        self._live.stop()
