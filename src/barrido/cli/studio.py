"""``barrido studio``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import click

from barrido.cli.options import in_workspace
from barrido.errors import MissingExtra, RequestError

if TYPE_CHECKING:
    from barrido.core.layout import Workspace


@click.command(short_help="Watch and steer sweeps in the browser.")
@click.option("--host", metavar="HOST", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port", metavar="PORT", type=click.IntRange(0, 65535),
    help="The port; 0 for any that is free.  [default: 8270, or the next free one]",
)  # fmt: skip
@click.option(
    "--open/--no-open", "is_opened", default=None,
    help="Open a browser, or none.  [default: where there is a terminal and a desktop]",
)  # fmt: skip
@in_workspace
def studio(host: str, port: int | None, is_opened: bool | None, workspace: Workspace) -> NoReturn:
    """Watch, understand and steer sweeps in the browser, until Ctrl-C.

    Only who has the link with its token comes in. Sweeps go on when the studio is ended.
    """
    import logging
    import os
    import sys
    from pathlib import Path
    from threading import Thread

    from barrido.cli.output import say
    from barrido.sdk.studio_link import announced

    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise MissingExtra("studio", needed_for="the studio") from None
    from barrido.studio.address import listen
    from barrido.studio.keys import Keys
    from barrido.studio.routes import Place
    from barrido.studio.server import Server
    from barrido.studio.site import Site

    if workspace.root.exists() and not workspace.root.is_dir():
        raise RequestError(f"{workspace.root} is no folder", hint="name the folder that sweeps are kept in")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    address = listen(host, port)
    keys = Keys(address.port)
    link = f"{address.link}/?token={keys.token}"

    def say_ready() -> None:
        if not address.is_private:
            what = "warning: whoever can reach this machine and has the link can run commands on it as you"
            say(f"{what}; nothing on the way is encrypted", to=sys.stderr)
        say(f"studio: {link}   (Ctrl-C ends it, sweeps go on)")
        if is_opened if is_opened is not None else _has_desktop():
            import webbrowser

            # Some browsers are waited for, and this one waits for us
            once = f"{address.link}/?token={keys.single()}"
            Thread(target=webbrowser.open, args=[once], daemon=True).start()

    site = Site(Place(workspace, Path.cwd()), keys=keys, hosts=address.hosts)
    try:
        with announced(workspace, link):
            Server(site, address, say_ready).serve_forever()
    except KeyboardInterrupt:
        say()
    sys.stdout.flush()
    os._exit(0)  # Python would wait for threads whose work is of use to nobody any more


def _has_desktop() -> bool:
    """Whether somebody sits here who would see a browser."""
    import os
    import sys

    if not sys.stdout.isatty() or os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
