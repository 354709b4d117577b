"""What a script finds in Python itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Alike = Callable[..., list[Any]]

LR = "${{search_space.lr}}"
NAME = "${{search_space.name}}"

MAIN = """\
import __main__, sys
for name in sorted(set(globals()) | {"__cached__", "__annotations__"}):
    print(name, globals().get(name, "is not there"))
print(__main__.__dict__ is globals(), sys.modules["__main__"] is __main__)
print(vars(__spec__) if __spec__ else None, vars(__loader__), __builtins__ is sys.modules["builtins"])
print(sys.argv, sys.orig_argv, sys.path, sys.flags)
"""

EVERYTHING = """\
import builtins, gc, os, site, sys, warnings
for name in sorted(vars(sys)):
    if name not in ("modules", "path_importer_cache", "_git", "copyright"):
        value = vars(sys)[name]
        print(name, sorted(value) if isinstance(value, frozenset) else value)
for get in (
    "getrecursionlimit", "getswitchinterval", "gettrace", "getprofile", "getdlopenflags", "is_finalizing",
    "get_asyncgen_hooks", "get_coroutine_origin_tracking_depth", "getfilesystemencoding",
    "getfilesystemencodeerrors", "getdefaultencoding", "get_int_max_str_digits", "is_stack_trampoline_active",
):
    print(get, getattr(sys, get, lambda: "unknown")())
print(warnings.filters, warnings.defaultaction, warnings.onceregistry)
print(gc.get_threshold(), gc.isenabled(), gc.get_debug(), gc.callbacks, gc.garbage)
print(site.ENABLE_USER_SITE, site.USER_BASE, site.PREFIXES, site.getsitepackages())
print(sorted(vars(builtins)), help, exit, quit, copyright)
print(os.environ.get("PYTHONPATH"), os.path.exists("__pycache__"), __debug__)
assert False, "only without -O"
"""


@pytest.mark.parametrize(
    "command",
    [
        f"python train.py --lr {LR} --name {NAME} 'a b' \"c\" 'ü'",
        "python train.py",
        "python ./train.py -- -x --help",
        "python3 train.py -c 'print(1)' -m pdb",
        "python sub/../train.py",
    ],
)
def test_the_command_line(alike: Alike, command: str) -> None:
    alike(
        """
        import sys
        print(sys.argv, sys.orig_argv, sys.executable, sys._base_executable, sys.prefix, sys.base_prefix)
        print(open("/proc/self/cmdline").read().split("\\0"), open("/proc/self/comm").read())
        """,
        command=command,
        code={"sub/__init__.py": ""},
    )


@pytest.mark.parametrize(
    "command",
    [
        "python train.py",
        "python sub/deep/train.py",
        "python ./linked.py",
        "python linked-folder/train.py",
        "python -m train --lr 1",
        "python -m package --lr 1",
        "python -m package.train",
        "python -m sub.deep.train",
    ],
)
def test_the_main_module(alike: Alike, command: str) -> None:
    alike(
        MAIN,
        command=command,
        code={"sub/deep/train.py": MAIN, "package/__init__.py": "", "package/__main__.py": MAIN}
        | {"package/train.py": f'"""Its docstring."""\nnumber: int = 3\n{MAIN}'},
        links={"linked.py": "sub/deep/train.py", "linked-folder": "sub/deep"},
    )


def test_a_folder_with_a_main_module(alike: Alike) -> None:
    alike(command="python app --lr 1", code={"app/__main__.py": MAIN}, starts="either")


def test_a_script_by_its_absolute_path(alike: Alike, tmp_path: Any) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "train.py").write_text(MAIN)
    alike(command=f"python {tmp_path}/elsewhere/train.py --lr {LR}", starts="either")


def test_a_bare_script_finds_no_module_more(alike: Alike) -> None:
    alike(
        """
        import sys
        print(*sorted(sys.modules), sep="\\n")
        print(sys.meta_path, sys.path_hooks, *sys.path_importer_cache.items(), sep="\\n")
        print(sys.stdlib_module_names == set(sys.stdlib_module_names), sys.builtin_module_names)
        """
    )


def test_everything_that_sys_tells(alike: Alike) -> None:
    alike(EVERYTHING)


def _name(variables: dict[str, str]) -> str:
    return "-".join(f"{name.removeprefix('PYTHON')}={text[:9]}" for name, text in variables.items())


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONPATH": "{root}/mine:relative::"},
        {"PYTHONUNBUFFERED": ""},
        {"PYTHONWARNINGS": "error"},
        {"PYTHONSAFEPATH": "1"},
    ],
    ids=_name,
)
def test_variables_that_python_reads(alike: Alike, variables: dict[str, str]) -> None:
    alike(EVERYTHING, variables=variables, starts="either")


@pytest.mark.slow
@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONPATH": ""},
        {"PYTHONUNBUFFERED": "", "PYTHONOPTIMIZE": "1"},
        {"PYTHONIOENCODING": "latin-1:replace"},
        {"PYTHONWARNINGS": "ignore::DeprecationWarning,always::UserWarning"},
        {"PYTHONOPTIMIZE": "2"},
        {"PYTHONHASHSEED": "0"},
        {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONUTF8": "1"},
        {"PYTHONDEVMODE": "1"},
        {"PYTHONDONTWRITEBYTECODE": "1"},
        {"PYTHONPYCACHEPREFIX": "{root}/home/cache"},
        {"PYTHONNOUSERSITE": "1"},
        {"PYTHONFAULTHANDLER": "1"},
        {"PYTHONTRACEMALLOC": "2"},
        {"PYTHONASYNCIODEBUG": "1"},
        {"PYTHONMALLOC": "malloc"},
        {"PYTHONINSPECT": "1"},
        {"PYTHONINTMAXSTRDIGITS": "1000"},
        {"PYTHONNODEBUGRANGES": "1"},
        {"PYTHONBREAKPOINT": "0"},
        {"PYTHONNOSUCHTHING": "1"},
    ],
    ids=_name,
)
def test_further_variables_that_python_reads(alike: Alike, variables: dict[str, str]) -> None:
    alike(EVERYTHING, variables=variables, starts="either")


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", ["-u", "-O", "-B", "-W error", "-X utf8", "-I", "-E", "-s", "-P", "-uB", "-X dev", "-q", "-bb"]
)
def test_options_that_python_is_given(alike: Alike, options: str) -> None:
    alike(EVERYTHING, command=f"python {options} train.py --lr {LR}", starts="either")


def test_a_hash_seed_gives_the_order_it_gives(alike: Alike) -> None:
    seen = alike("print({f'name {i}' for i in range(99)}, hash('x'))", variables={"PYTHONHASHSEED": "0"})
    assert len({one.log for one in seen}) == 1


HOOK = """\
import os, sys
print("the hook of", os.environ.get("BARRIDO_TRIAL"), sys.argv, os.getcwd(), __file__, __name__)
sys.hook = "was here"
"""


@pytest.mark.parametrize("name", ["sitecustomize", "usercustomize"])
def test_a_customize_module_of_the_users_own(alike: Alike, name: str) -> None:
    alike(
        f"""
        import sys, {name}
        print({name}.__file__, sys.hook, sorted(sys.modules), sys.path)
        """,
        code={f"{name}.py": ""},
        site={f"{name}.py": HOOK},
        starts="either",
    )


def test_a_customize_module_on_the_users_path(alike: Alike) -> None:
    alike(
        """
        import sys, sitecustomize
        print(sitecustomize.__file__, sys.hook, sys.path)
        """,
        code={"hooks/sitecustomize.py": HOOK},
        variables={"PYTHONPATH": "{root}/sweeps/sweep/code/hooks"},
        starts="either",
    )


def test_a_path_file_that_runs_code(alike: Alike) -> None:
    alike(
        """
        import sys
        print(sys.from_a_path_file, sys.path, sorted(sys.modules))
        """,
        site={"mine.pth": "import sys; sys.from_a_path_file = 3\nextra\n", "extra/thing.py": ""},
    )


def test_help_and_its_kind_are_there(alike: Alike) -> None:
    alike(
        """
        print(exit, quit, credits)
        help(int.bit_count)
        exit(4)
        """
    )


def test_how_deep_the_stack_is(alike: Alike) -> None:
    alike(
        """
        import sys, traceback
        def depth(frame):
            return 0 if frame is None else 1 + depth(frame.f_back)
        print(depth(sys._getframe()), sys._getframe().f_back)
        traceback.print_stack()
        print(sys._getframe().f_code.co_filename, sys._getframe().f_code.co_name, sys._getframe().f_lineno)
        def count(n):
            try:
                return count(n + 1)
            except RecursionError:
                return n
        print(count(0))
        """
    )


def test_looking_at_its_own_source(alike: Alike) -> None:
    alike(
        """
        import dataclasses, inspect, linecache, pickle, pkgutil, sys
        @dataclasses.dataclass
        class Config:
            rate: float = 0.1
        print(inspect.getsource(Config), inspect.getfile(Config), Config())
        print(inspect.getmodule(Config), pickle.loads(pickle.dumps(Config(3))))
        print(linecache.getlines(__file__), pkgutil.get_data("__main__", "data.txt"))
        print(inspect.stack()[0].filename, inspect.getsourcefile(sys.modules["__main__"]))
        """,
        code={"data.txt": "some data"},
    )
