"""The folders of a trial, made ready for an attempt."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from barrido.core.events import PauseMode
from barrido.core.layout import SweepFolder, TrialFolder
from barrido.errors import BarridoError

if TYPE_CHECKING:
    from barrido.executors.snapshot import CodeCopies

_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)


class WorkFolders:
    """``trials/<n>`` with the working directory, the outputs and the log of an attempt.

    A second attempt starts in a fresh working directory, with a fresh log; those of the first become
    ``work.1`` and ``std_log.1.txt``. Made ready twice, an attempt keeps what it has.
    """

    def __init__(
        self,
        folder: SweepFolder,
        *,
        has_code: bool,
        outputs: Sequence[str],
        relaunch: PauseMode | None = None,
        spare: Path | None = None,
    ) -> None:
        """``relaunch`` says whether a further attempt finds the checkpoints of the one before, or none;
        None: there are no checkpoints. ``spare`` is where a trial's folder is made before it is needed, in
        the same file system; somewhere in the sweep's folder if None.
        """
        self._folder = folder
        self._has_code = has_code
        self._outputs = outputs
        self._relaunch = relaunch
        self._copies: CodeCopies | None = None
        self._spare = os.fspath(spare or folder.root / "spare")
        self._has_spare = False
        self._may_make = False  # since the last trial was made ready, none was tried

    def prepare(self, trial: int, attempt: int) -> TrialFolder:
        """Raises OSError, or BarridoError where the sweep's copy of the code is gone."""
        folder = self._folder.trial(trial)
        root = os.fspath(folder.root)
        if attempt > 1:
            _make(root)
            _put_aside(folder, attempt - 1)
        if not self._give_spare(root):
            self._fill(root)
        self._may_make = True
        if self._relaunch is not None:
            if attempt > 1 and self._relaunch is PauseMode.RESTART:
                self.discard(trial)
            _make(os.fspath(folder.checkpoints))
        return folder

    def discard(self, trial: int) -> None:
        """Remove a trial's checkpoints. What links in them, or one in their place, lead to is left alone."""
        checkpoints = self._folder.trial(trial).checkpoints
        with suppress(OSError):
            checkpoints.unlink() if checkpoints.is_symlink() else shutil.rmtree(checkpoints)

    def make_spare(self) -> None:
        """Make a new trial's folder ahead, while nobody waits for it."""
        if self._may_make and not self._has_spare:
            self._may_make = False
            with suppress(OSError, BarridoError):  # who needs it will say so
                self._fill(self._spare)
                self._has_spare = True

    def drop_spare(self) -> None:
        self._has_spare = False
        shutil.rmtree(self._spare, ignore_errors=True)

    def _give_spare(self, root: str) -> bool:
        if not self._has_spare:
            return False
        try:
            os.rename(self._spare, root)  # noqa: PTH104
        except OSError:  # there is a folder already: of another attempt, or of this one
            return False
        self._has_spare = False
        return True

    def _fill(self, root: str) -> None:
        for path in (root, f"{root}/logs"):
            _make(path)
        if self._outputs:
            _make(f"{root}/named-outputs")
        for name in self._outputs:
            _make(f"{root}/named-outputs/{name}")
        if self._has_code and os.path.exists(f"{root}/work"):  # noqa: PTH110
            self._code_copies().mend(f"{root}/work")
        else:
            self._make_work(f"{root}/work")
        for path in (f"{root}/work/outputs", f"{root}/work/logs"):  # where Azure's scripts may write at once
            _make(path)

    def _make_work(self, work: str) -> None:
        if not self._has_code:
            _make(work)
            return
        fresh = f"{work}.{os.getpid()}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        os.mkdir(fresh)  # noqa: PTH102
        try:
            self._code_copies().copy_to(fresh)
            Path(fresh).rename(work)
        except BaseException as error:
            shutil.rmtree(fresh, ignore_errors=True)
            # Another launch of the same attempt was quicker: then there is what we need.
            if not (isinstance(error, OSError) and error.errno in _TAKEN):
                raise

    def _code_copies(self) -> CodeCopies:
        if self._copies is None:
            if not self._folder.code.is_dir():
                raise BarridoError(
                    f"the sweep's copy of the code is gone: {self._folder.code}",
                    hint="start the sweep again under another name",
                )
            from barrido.executors.snapshot import CodeCopies  # not for sweeps without code

            self._copies = CodeCopies(self._folder.code)
        return self._copies


def _make(path: str) -> None:
    """``mkdir -p`` for a path whose parent is there in all but the first call: one system call."""
    try:
        os.mkdir(path)  # noqa: PTH102
    except FileExistsError:
        pass
    except FileNotFoundError:
        os.makedirs(path, exist_ok=True)  # noqa: PTH103


def _put_aside(folder: TrialFolder, earlier: int) -> None:
    """Move what the attempt ``earlier`` left behind. Its marker is the folder ``work.<earlier>``."""
    aside = folder.root / f"work.{earlier}"
    if aside.exists():
        return
    with suppress(FileNotFoundError):
        folder.log.rename(folder.log.with_name(f"std_log.{earlier}.txt"))
    try:
        folder.work.rename(aside)
    except FileNotFoundError:
        aside.mkdir()
