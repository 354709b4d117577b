"""``barrido report``, for the list of commands; `barrido.cli.main` answers it before click is loaded."""

from __future__ import annotations

import click


@click.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def report(words: tuple[str, ...]) -> int:
    """Report metrics from a running trial: loss=0.12 step=3."""
    from barrido.trial.__main__ import main

    return main(words)
