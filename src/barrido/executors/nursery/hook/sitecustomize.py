"""Python imports this module before any script. It stands in for the interpreter's own, if there is one."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def _load() -> None:
    """Take our traces away, load the package beside this folder, and serve."""
    hook = os.path.dirname(os.path.abspath(__file__))
    baseline = frozenset(sys.modules)
    folders = frozenset(sys.path_importer_cache)
    sys.path[:] = [entry for entry in sys.path if entry != hook]
    sys.path_importer_cache.pop(hook, None)
    descriptors = os.environ.pop("BARRIDO_NURSERY")
    if sys.version_info < (3, 10):  # noqa: UP036 (the user's interpreter)
        os.write(int(descriptors.split(",")[1]), b'{"unfit": "their Python is older than 3.10"}\n')
        os._exit(0)
    own = os.environ.pop("BARRIDO_NURSERY_PYTHONPATH", None)
    if own is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = own
    from importlib.util import module_from_spec, spec_from_file_location

    home = os.path.dirname(hook)
    spec = spec_from_file_location(
        "_barrido_nursery",
        os.path.join(home, "__init__.py"),
        submodule_search_locations=[home],
    )
    assert spec is not None
    assert spec.loader is not None
    package = module_from_spec(spec)
    sys.modules["_barrido_nursery"] = package
    spec.loader.exec_module(package)
    __import__("_barrido_nursery.loop")
    for folder in [folder for folder in sys.path_importer_cache if folder not in folders]:
        del sys.path_importer_cache[folder]

    ours = sys.modules.pop("sitecustomize")
    serve = sys.modules["_barrido_nursery.loop"].serve
    for name in [name for name in sys.modules if name.partition(".")[0] == "_barrido_nursery"]:
        del sys.modules[name]
    serve(*map(int, descriptors.split(",")), baseline=baseline)
    if not _real(ours):  # `site` takes this for what it is without us: there is none
        raise ImportError("No module named 'sitecustomize'", name="sitecustomize")


def _real(ours: "ModuleType") -> bool:
    """Run the interpreter's own ``sitecustomize``; whether there is one."""
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = ours
        return False
    return True


if "BARRIDO_NURSERY" in os.environ:
    _load()
