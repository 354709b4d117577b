"""An HTML page that needs nothing but itself: the studio's own modules, their styles and data in one file.

Every module of the studio imports by bare names, so that an import map says where each is: in the studio on
its server, here in the page, as ``data:`` addresses. A policy in the page lets nothing be loaded from
anywhere, and only those scripts and styles run that carry its nonce; modules have it from the script that
imports them. The nonce is a digest of everything that is in the page: the same sweep makes the same page, and
what a sweep holds, which is part of what is digested, cannot contain it.
"""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from barrido.core.wire import dumps

STATIC = files("barrido") / "studio" / "static"
_VENDORED = {"preact": "vendor/preact.js", "d3": "vendor/d3.js"}
_IMPORT = re.compile(r"""^\s*(?:import|export)\b(?:[^;'"]*?\bfrom)?\s*["']([^"']+)["']""", re.M)

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-{nonce}'; \
style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style nonce="{nonce}">
{styles}
</style>
<script type="importmap" nonce="{nonce}">{imports}</script>
</head>
<body>
<noscript><p>{title}: this page is drawn with JavaScript, which is switched off here.</p></noscript>
<main id="page"></main>
<script type="application/json" id="data">{data}</script>
<script type="module" nonce="{nonce}">
{entry}
</script>
</body>
</html>
"""


def document(*, title: str, entry: str, styles: Iterable[str], data: Mapping[str, Any]) -> str:
    """The page. ``entry`` is a module's text, which draws into ``#page`` what it finds in ``#data``.

    ``styles`` are paths below the studio's static folder. ``data`` may hold any text: it is shown as text.
    """
    parts = {
        "title": escape(title),
        "styles": "\n".join(_read(path) for path in styles),
        "imports": dumps({"imports": {name: _address(text) for name, text in modules(entry).items()}}),
        "data": embedded(data),
        "entry": entry.strip(),
    }
    digest = sha256("\0".join(parts.values()).encode()).digest()
    return _PAGE.format(nonce=urlsafe_b64encode(digest).decode().rstrip("="), **parts)


def embedded(data: Any) -> str:
    """JSON that can stand in a script element, whatever is in it.

    >>> embedded("</script><b>")
    '"\\\\u003c/script>\\\\u003cb>"'
    """
    text = dumps(data).replace("<", "\\u003c")
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def modules(entry: str) -> dict[str, str]:
    """By name, the texts of the modules that ``entry`` imports, and of those that they import."""
    found: dict[str, str] = {}
    names = _IMPORT.findall(entry)
    while names:
        name = names.pop()
        if name not in found:
            found[name] = _read(_VENDORED.get(name, name.removeprefix("studio/")))
            names += _IMPORT.findall(found[name])
    return dict(sorted(found.items()))


def _read(path: str) -> str:
    return STATIC.joinpath(path).read_text(encoding="utf-8")


def _address(text: str) -> str:
    return f"data:text/javascript;base64,{b64encode(text.encode()).decode()}"
