"""The runner of a pipeline as a process of its own, which outlives the shell that started it.

``python -P daemon.py FOLDER READY_FD``: takes the pipeline's lock, says so on READY_FD, and runs it to its
end. See `barrido.daemon`, which does the same for a sweep.
"""

from __future__ import annotations

import os
import sys


def main(argv: list[str]) -> None:
    os.set_inheritable(int(argv[1]), False)
    if os.fork():
        os._exit(0)
    # Where nobody installed it, barrido is found two folders up.
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    sys.path.append(os.path.dirname(package))  # noqa: PTH120
    from barrido.pipelines.foreground import serve

    serve(argv[0], int(argv[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
