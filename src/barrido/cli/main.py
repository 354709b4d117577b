"""The entry point: one command line in, one exit code out, every error in the same form.

Exit codes: 0 done, 1 failed, 2 the request is wrong, 130 interrupted.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import click

INTERRUPTED = 130

_AZURES_OPTIONS = {
    "--add": "tags are written with `barrido job annotate NAME --tag KEY=TEXT`",
    "--remove": "a tag is removed with `barrido job annotate NAME --tag KEY=`",
    "--force-string": "put what is to be a text in quotes: --set 'trial.environment_variables.ID=\"007\"'",
    "--no-wait": "nothing waits here unless it is told to, with --stream",
    "--query": "--output json prints what programs like jq can pick from",
    "--debug": "BARRIDO_DEBUG=1 in the environment shows tracebacks",
    "--verbose": "a sweep's folder keeps what its controller says, in controller.log",
}


def main() -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # no picture is worth an error in a terminal without Unicode
    try:
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def run(args: Sequence[str]) -> int:
    """Carry out one command line; the exit code."""
    if args[:1] == ["report"]:
        # Called from training scripts, once a step: it must cost no more than starting Python.
        from barrido.trial.__main__ import main as report

        return report(args[1:])
    import click

    from barrido.cli.commands import barrido
    from barrido.cli.output import say
    from barrido.errors import BarridoError

    try:
        code = barrido.main(args, prog_name="barrido", standalone_mode=False)
    except click.Abort:
        say("interrupted", to=sys.stderr)
        return INTERRUPTED
    except click.ClickException as error:
        _say_error(*_in_our_form(error))
        return error.exit_code
    except BarridoError as error:
        _say_error(error.message, error.hint)
        return error.exit_code
    except Exception as error:
        return _say_bug(error)
    return code if isinstance(code, int) else 0


def _say_error(message: str, hint: str) -> None:
    from barrido.cli.output import painted, say
    from barrido.sdk.wording import printable

    text = "\n".join(map(printable, message.splitlines()))
    say(f"{painted('error:', 'red', bold=True)} {text}", to=sys.stderr)
    if hint:
        say(f"  hint: {in_shell_words(hint)}", to=sys.stderr)


_CALL = re.compile(r"ml_client\.jobs\.(?:begin_)?(\w+)\(\s*['\"]?([\w-]+)[^)]*\)")


def in_shell_words(hint: str) -> str:
    """The SDK's hints name its methods; here people type commands.

    >>> in_shell_words("stop it with ml_client.jobs.begin_cancel('iris')")
    'stop it with `barrido job cancel iris`'
    """
    return _CALL.sub(r"`barrido job \1 \2`", hint)


def _say_bug(error: Exception) -> int:
    """Nobody should have to read a traceback, and nobody should lose one."""
    import traceback

    text = "".join(traceback.format_exception(error))
    if os.environ.get("BARRIDO_DEBUG"):
        sys.stderr.write(text)
        where = "the traceback is above"
    else:
        where = _kept(text) or "BARRIDO_DEBUG=1 shows the traceback"
    summary = str(error).partition("\n")[0]
    named = f"{type(error).__name__}: {summary}" if summary else type(error).__name__
    _say_error(f"{named}; this is a bug in barrido", where)
    return 1


def _kept(text: str) -> str:
    import tempfile

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="barrido-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
    except OSError:
        return ""
    return f"the traceback is in {file.name}; please report it"


def _in_our_form(error: click.ClickException) -> tuple[str, str]:
    """What click found wrong with the words of the command line, as a message and a hint."""
    context = getattr(error, "ctx", None)
    hint = f"see `{context.command_path} --help`" if context is not None else ""
    message = error.format_message()
    if instead := _AZURES_OPTIONS.get(getattr(error, "option_name", "")):
        message, hint = error.message, instead
    elif close := getattr(error, "possibilities", None):
        message, hint = error.message, f"did you mean {' or '.join(map(repr, close))}?"
    if message[1:2].islower() or message[1:2] == " ":
        message = message[:1].lower() + message[1:]
    return message.removesuffix("."), hint
