"""A studio that watches a sweep, and is killed now and then."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from barrido.core.layout import Workspace


class Studio:
    """A server of a person's own: it is theirs to start again, and keeps nothing that could be lost."""

    def __init__(self, where: Workspace) -> None:
        self._where = where
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def trials(self, sweep: str) -> int:
        """How many trials it shows of a sweep. Raises OSError where it does not answer."""
        request = urllib.request.Request(f"{self._api}/{sweep}/trials", headers=self._headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return len(json.loads(answer.read())["number"])

    def close(self) -> None:
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def start(self) -> None:
        words = [str(Path(sys.executable).with_name("barrido")), "studio", "--port", "0", "--no-open"]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "BARRIDO_WORKSPACE": str(self._where.root)}
        self._process = process = subprocess.Popen(
            words, cwd="/", env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        link = next(filter(None, (re.search(r"http://\S+", line) for line in process.stdout)))[0]
        address = urlsplit(link)
        self._api = f"{address.scheme}://{address.netloc}/api/sweeps"
        self._headers = {"Authorization": f"Bearer {parse_qs(address.query)['token'][0]}"}
