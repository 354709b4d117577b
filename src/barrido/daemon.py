"""The controller as a process of its own, which outlives the shell that started it.

``python -P daemon.py FOLDER READY_FD``: takes the sweep's lock, takes the sweep up from its log,
says so on READY_FD, and runs it to its end.
"""

from __future__ import annotations

import gc
import os
import sys


def main(argv: list[str]) -> None:
    os.set_inheritable(int(argv[1]), False)
    # Somebody waits. Forking comes before the imports, whose memory would be copied; nothing is garbage yet.
    if os.fork():
        os._exit(0)
    gc.disable()
    # Where nobody installed it, barrido is found beside this file.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    from barrido.foreground import serve

    serve(argv[0], int(argv[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
