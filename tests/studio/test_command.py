from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import httpx
import pytest
from tests.studio.conftest import tell_finished

from barrido.core.layout import Workspace
from barrido.errors import RequestError
from barrido.sdk.studio_link import link_to
from barrido.studio.address import PORT, listen
from barrido.studio.keys import Keys
from barrido.studio.routes import QUICK

BARRIDO = str(Path(sys.executable).with_name("barrido"))


@contextmanager
def started(
    place: Path, *args: str, program: Sequence[str] = (BARRIDO,)
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``barrido studio`` as a person starts it; its first line."""
    outer = {k: v for k, v in os.environ.items() if not k.startswith("BARRIDO_")}
    process = subprocess.Popen(
        [*program, "studio", *args],
        cwd=place,
        env={**outer, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_the_studio_says_its_link_and_ends_quietly(tmp_path: Path) -> None:
    with started(tmp_path, "--port", "0", "--no-open") as (process, line):
        link = re.search(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", line)
        assert link is not None, process.communicate()
        assert "Ctrl-C" in line
        assert link_to(Workspace(tmp_path / ".barrido"), "s/iris") == f"{link[0]}#/s/iris"
        with httpx.Client(follow_redirects=True) as browser:
            assert browser.get(link[0]).status_code == 200
            address = link[0].partition("/?")[0]
            assert browser.get(f"{address}/api/sweeps").json()["sweeps"] == []
            assert browser.get(f"{address}/nothing").status_code == 404
            with browser.stream("GET", f"{address}/api/stream") as answer:
                assert next(answer.iter_lines())
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=10)
    assert (process.returncode, out.strip(), err) == (0, "", "")
    assert not (tmp_path / ".barrido").exists()


def patched(patch: str) -> tuple[str, ...]:
    """The program ``barrido`` after ``patch``."""
    run = "import sys; from barrido.cli.main import run; sys.exit(run(sys.argv[1:]))"
    return (sys.executable, "-c", f"{patch}\n{run}")


def link_in(line: str) -> str:
    link = re.search(r"http://\S+", line)
    assert link is not None, line
    return link[0]


SLOW = """\
import sys, time
from barrido.figures import sweeps
sweeps.listing = lambda workspace: sys.stdout.write("asked\\n") and time.sleep(60)
"""


def test_work_that_takes_long_does_not_keep_the_studio_from_ending(tmp_path: Path) -> None:
    arguments = ("--port", "0", "--no-open")
    with started(tmp_path, *arguments, program=patched(SLOW)) as (process, line), httpx.Client() as browser:
        browser.get(link_in(line))
        address = link_in(line).partition("/?")[0]
        answers: list[httpx.Response] = []
        asking = [
            Thread(target=lambda: answers.append(browser.get(f"{address}/api/sweeps", timeout=20)))
            for _ in range(QUICK + 2)
        ]
        for thread in asking:
            thread.start()
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(QUICK)] == ["asked\n"] * QUICK
        time.sleep(0.5)  # until those are there that have to wait for these
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert time.monotonic() - began < 3
        for thread in asking:
            thread.join()
    assert (process.returncode, out.strip(), err) == (0, "", "")
    assert [answer.status_code for answer in answers] == [503] * (QUICK + 2)
    assert answers[0].json()["error"]["message"] == "the studio is being closed"


def test_who_does_not_read_what_was_asked_for_is_cut_off_quietly(tmp_path: Path) -> None:
    told = tell_finished(Workspace(tmp_path / ".barrido"))
    with (told.folder.trial(0).work / "outputs/large").open("wb") as file:
        file.truncate(1 << 28)
    with started(tmp_path, "--port", "0", "--no-open") as (process, line), httpx.Client() as browser:
        browser.get(link_in(line))
        address = link_in(line).partition("/?")[0]
        with browser.stream("GET", f"{address}/api/sweeps/iris/trials/0/files/work/outputs/large"):
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
    assert (process.returncode, out.strip(), err) == (0, "", "")


WAITED_FOR = """\
import time, webbrowser
webbrowser.open = lambda link: time.sleep(60)
"""


def test_a_browser_that_takes_long_to_start_is_not_waited_for(tmp_path: Path) -> None:
    with started(tmp_path, "--port", "0", "--open", program=patched(WAITED_FOR)) as (process, line):
        assert httpx.get(link_in(line), timeout=10).status_code == 303
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")


def test_a_port_that_was_asked_for_and_is_taken_is_said(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0).listener as taken:
        port = taken.getsockname()[1]
        with started(tmp_path, "--port", str(port)) as (process, line):
            _, err = process.communicate(timeout=20)
    assert (process.returncode, line) == (2, "")
    assert err.startswith(f"error: port {port} is taken")


def test_without_a_wish_the_next_free_port_is_taken() -> None:
    first, second = listen("127.0.0.1", None), listen("127.0.0.1", None)
    with first.listener, second.listener:
        assert PORT <= first.port < second.port


def test_a_host_that_is_not_there_is_said() -> None:
    with pytest.raises(RequestError, match="no host"):
        listen("no.such.host.invalid", 0)
    with pytest.raises(RequestError, match=r"cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_on_a_loopback_the_studio_has_loopback_names_only() -> None:
    address = listen("127.0.0.1", 0)
    with address.listener:
        names = {"127.0.0.1", "localhost", "[::1]"}
        assert address.hosts == {f"{name}:{address.port}" for name in names}
        assert address.is_private


def test_open_to_others_it_has_the_machines_names_and_says_what_that_means(tmp_path: Path) -> None:
    address = listen("0.0.0.0", 0)
    with address.listener:
        assert not address.is_private
        assert f"{socket.gethostname().lower()}:{address.port}" in address.hosts
        assert address.link == f"http://127.0.0.1:{address.port}"
    with started(tmp_path, "--host", "0.0.0.0", "--port", "0", "--no-open") as (process, _):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert err.startswith(
        "warning: whoever can reach this machine and has the link can run commands on it as you"
    )
    assert process.returncode == 0


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from barrido.cli.main import run; sys.exit(run(['studio']))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: pip install 'barrido[studio]'" in done.stderr


def test_two_studios_do_not_take_each_others_cookies() -> None:
    one, other = Keys(8270), Keys(8271)
    assert one.cookie != other.cookie
    assert one.token != other.token
    assert not one.exchanges(other.token)
