"""The sweeps of a workspace."""

from __future__ import annotations

from barrido.core.layout import SweepFolder, Workspace
from barrido.errors import StoreError
from barrido.store.queries import Reader


def sweeps(workspace: Workspace, *, unreadable: list[StoreError] | None = None) -> list[SweepFolder]:
    """The sweeps of a workspace, oldest first.

    One that cannot be read hides no other: it is left out, and ``unreadable`` gets why.
    """
    if not workspace.sweeps.is_dir():
        return []
    by_age = []
    for path in sorted(workspace.sweeps.iterdir()):
        folder = SweepFolder(path)
        try:
            if path.name.startswith(".") or not folder.db.exists():
                continue
            with Reader(folder) as reader:
                by_age.append((reader.sweep().created_at, folder))
        except PermissionError as error:  # the folder of another user
            problem = StoreError(f"{folder.root} cannot be read: {error.strerror}")
        except StoreError as error:
            problem = error
        else:
            continue
        if unreadable is not None:
            unreadable.append(problem)
    return [folder for _, folder in sorted(by_age, key=lambda pair: pair[0])]
