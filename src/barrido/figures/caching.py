"""What took long to work out, and holds as long as what it was worked out of."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar

from barrido.store.queries import Reader

T = TypeVar("T")


class Kept(Generic[T]):
    """Answers about the ``most`` sweeps that were asked about last, one each. For many threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[tuple[Any, ...], tuple[Any, T]] = OrderedDict()
        self._lock = Lock()

    def get(self, reader: Reader, version: Any, work_out: Callable[[], T]) -> T:
        """The answer for the sweep as it is at ``version``. One thread works it out, others wait for it."""
        # Another sweep of this name may take the place of one that was removed
        key = reader.folder.root, reader.sweep().created_at
        with self._lock:
            known = self._answers.get(key)
            if known is None or known[0] != version:
                known = self._answers[key] = version, work_out()
            self._answers.move_to_end(key)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
            return known[1]
