"""From a command line to what the session leader runs."""

from __future__ import annotations

import re
import shlex

SHELL = "/bin/sh"

_WORD = r"""(?:[\w./:@%+,=-]|'[^']*'|"[^"\\`$]*")++"""
_PLAIN = re.compile(rf"[ \t\n]*(?P<program>[\w./+-]+)(?:(?:[ \t]|\\\n)+{_WORD})*[ \t\n]*", re.ASCII)
_EACH = re.compile(_WORD, re.ASCII)
LONGEST = 4096  # characters; shlex's time grows with their square
_RESERVED = re.compile(
    r"if|then|else|elif|fi|for|while|until|do|done|case|esac|in|function|select|time|coproc"
)


def argv_of(command: str) -> list[str]:
    """The words of a command that is nothing but words; else a shell that reads it.

    A shell more would cost each trial a millisecond. What is plain is what no shell would change:
    no operators, expansions, patterns or assignments outside of quotes.

    >>> argv_of("python train.py --name 'a; b'")
    ['python', 'train.py', '--name', 'a; b']
    >>> argv_of("python train.py \\\\\\n  --lr 0.1\\n")
    ['python', 'train.py', '--lr', '0.1']
    >>> argv_of("A=1 python train.py"), argv_of("echo $HOME")
    (['/bin/sh', '-c', 'A=1 python train.py'], ['/bin/sh', '-c', 'echo $HOME'])
    """
    plain = _PLAIN.fullmatch(command) if len(command) <= LONGEST else None
    if plain is None or _RESERVED.fullmatch(plain["program"]):
        return [SHELL, "-c", command]
    words = _EACH.findall(command)
    if "'" in command or '"' in command:
        return [part for word in words for part in shlex.split(word)]
    return words
