"""A group of commands that are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module

import click

from barrido.errors import RequestError


class LazyGroup(click.Group):
    """``lazy`` maps the names of commands, in the order they are shown, to ``module:attribute``.

    ``meant`` tells for words that people try first, which command does what they are after, ``absent`` for
    commands of Azure's that have no counterpart, what there is instead.
    """

    def __init__(
        self,
        *,
        name: str,
        lazy: Mapping[str, str],
        help: str,
        meant: Mapping[str, str] | None = None,
        absent: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            name=name,
            help=help,
            no_args_is_help=False,
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        self._lazy = lazy
        self._meant = meant or {}
        self._absent = absent or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._lazy[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if ctx.resilient_parsing:  # somebody is still typing it
            return super().resolve_command(ctx, args)
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise RequestError(
                f"{ctx.command_path} has no command {name!r}", hint=self._what_was_meant(ctx, name)
            )
        return super().resolve_command(ctx, args)

    def _what_was_meant(self, ctx: click.Context, name: str) -> str:
        if name in self._absent:
            return self._absent[name]
        known = self.list_commands(ctx)
        for group in known:
            below = self.get_command(ctx, group)
            if isinstance(below, LazyGroup) and (name in below._lazy or name in below._meant):
                return f"did you mean `{ctx.command_path} {group} {below._meant.get(name, name)}`?"
        close = [self._meant[name]] if name in self._meant else get_close_matches(name, known, n=1)
        return f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit(2)
        return super().parse_args(ctx, args)
