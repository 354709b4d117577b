"""Processes and threads that a script starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Alike = Callable[..., list[Any]]

TWO = [{"name": "one", "lr": 0.1}, {"name": "two", "lr": 0.2}]

POOL = """\
import multiprocessing, os, sys
state = [0]
def work(x):
    return x * x, __name__, state[0], sys.argv, multiprocessing.current_process().name[:-1], os.getcwd()
if __name__ == "__main__":
    state[0] = 1
    context = multiprocessing.get_context("{method}")
    print(multiprocessing.get_start_method(), multiprocessing.get_all_start_methods())
    print(multiprocessing.parent_process(), multiprocessing.current_process())
    print(multiprocessing.active_children())
    with context.Pool(2) as pool:
        print(sorted(pool.map(work, range(3), chunksize=3)))
    process = context.Process(target=work, args=(1,))
    process.start()
    process.join()
    print(process.exitcode, process.name)
    queue = context.Queue()
    process = context.Process(target=queue.put, args=([1, 2],))
    process.start()
    print(queue.get(), process.join())
"""


@pytest.mark.parametrize("command", ["python train.py", "python -m train"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools(alike: Alike, method: str, command: str) -> None:
    alike(POOL.format(method=method), command=command, points=TWO)


def test_a_pool_of_futures(alike: Alike) -> None:
    alike(
        """
        import concurrent.futures
        def cube(x):
            return x ** 3
        if __name__ == "__main__":
            with concurrent.futures.ProcessPoolExecutor(2) as pool:
                print(list(pool.map(cube, range(5))))
            with concurrent.futures.ThreadPoolExecutor(2, "mine") as pool:
                print(list(pool.map(cube, range(5))))
        """
    )


def test_keys_of_multiprocessing_are_each_trials_own(alike: Alike) -> None:
    seen = alike(
        """
        import multiprocessing, pathlib
        pathlib.Path("key").write_text(bytes(multiprocessing.current_process().authkey).hex())
        print(next(multiprocessing.process._process_counter))
        process = multiprocessing.current_process()
        print(process._config["authkey"] == process.authkey)
        """,
        apart=["key"],
    )
    assert len({one.files["key"] for one in seen}) == len(seen)


def test_shared_memory_and_managers(alike: Alike) -> None:
    alike(
        """
        from multiprocessing import Manager, shared_memory
        if __name__ == "__main__":
            memory = shared_memory.SharedMemory(create=True, size=100)
            memory.buf[0] = 7
            print(shared_memory.SharedMemory(memory.name).buf[0])
            memory.close()
            memory.unlink()
            with Manager() as manager:
                numbers = manager.list([1, 2])
                numbers.append(3)
                print(list(numbers))
        """,
        points=TWO,
    )


def test_forking_by_hand(alike: Alike) -> None:
    alike(
        """
        import os, sys, threading
        print("before")
        pid = os.fork()
        if pid == 0:
            print("child", threading.main_thread() is threading.current_thread(), os.getpgid(0) != pid)
            sys.exit(3)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os.register_at_fork(before=lambda: print("fork"), after_in_child=lambda: print("in child"))
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        """
    )


def test_fork_hooks_are_not_called_for_the_scripts_own_start(alike: Alike) -> None:
    alike(
        """
        import hooked
        print(hooked.calls)
        """,
        site={
            "hooked.py": "import os\ncalls = []\nos.register_at_fork(after_in_child=lambda: calls.append(1))"
        },
        limit="hooks that a module registers for forks are called for the trial's own, too",
    )


def test_programs(alike: Alike) -> None:
    alike(
        """
        import os, shutil, subprocess, sys
        show = "import os, sys; print(sys.argv, sys.flags, os.getcwd(), sorted(sys.modules), sys.path)"
        subprocess.run([sys.executable, "-c", show, "a b"], check=True)
        subprocess.run(["python", "-c", show], check=True)
        subprocess.run("echo $0 $BARRIDO_TRIAL $PWD; exit 3", shell=True)
        print(os.system("exit 4"), os.popen("pwd").read(), shutil.which("python"))
        print(subprocess.run(["no such program"]))
        """
    )


def test_signals_of_children(alike: Alike) -> None:
    alike(
        """
        import os, signal, subprocess, sys
        show = "import signal; print([signal.getsignal(n) for n in signal.valid_signals()])"
        subprocess.run([sys.executable, "-c", show])
        heard = []
        signal.signal(signal.SIGCHLD, lambda *a: heard.append(a[0]))
        subprocess.run(["true"])
        print(heard)
        subprocess.run(["grep", "Sig", "/proc/self/status"])
        """,
        hide=[r"SigQ.*"],
    )


def test_threads(alike: Alike) -> None:
    alike(
        """
        import queue, threading
        main = threading.main_thread()
        print(main, main.name, main.ident == threading.get_ident(), main.daemon, threading.active_count())
        print(threading.stack_size(), threading.gettrace(), threading.getprofile(), threading.TIMEOUT_MAX)
        threads = [threading.Thread(target=print, args=(i,)) for i in range(3)]
        for thread in threads:
            thread.start()
            thread.join()
        print([thread.name for thread in threads])
        local = threading.local()
        print(vars(local))
        """,
        hide=[r"(?<=started )\d+"],
    )


def test_asyncio(alike: Alike) -> None:
    alike(
        """
        import asyncio, signal
        async def child():
            process = await asyncio.create_subprocess_exec("echo", "from a child")
            return await process.wait()
        async def main():
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGUSR1, print, "a signal")
            signal.raise_signal(signal.SIGUSR1)
            task = asyncio.create_task(asyncio.sleep(0.01, "slept"))
            print(task.get_name(), await task, await asyncio.to_thread(len, "abc"), await child())
        asyncio.run(main())
        asyncio.run(main())
        async def fails():
            asyncio.create_task(asyncio.sleep(9), name="left")
            1 / 0
        asyncio.run(fails())
        """
    )


def test_a_socket_server_of_its_own(alike: Alike) -> None:
    alike(
        """
        import http.server, threading, urllib.request
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"served")
            def log_message(self, *args):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        print(urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}").read())
        server.shutdown()
        """
    )
