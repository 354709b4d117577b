"""``python -m barrido.cli``: the `barrido` command."""

from __future__ import annotations

from barrido.cli.main import main

if __name__ == "__main__":
    main()
