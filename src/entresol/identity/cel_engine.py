"""The library that evaluates CEL, without its command line.

Its package imports a terminal's worth of other packages, some 0.6 s and 30 MB in every worker. All that is needed of it
is the extension module inside.
"""

import importlib
import logging
import sys
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any


@cache
def engine() -> Any:
    """The module with `compile` and `Context`. Raises ModuleNotFoundError where the library is not installed."""
    # Its warnings about functions that failed would hold what these raised; callers get CelFailed.
    logging.getLogger("cel").disabled = True
    if "cel.cel" in sys.modules:
        return sys.modules["cel.cel"]
    package = find_spec("cel")
    folders = package.submodule_search_locations if package is not None else None
    extension = PathFinder.find_spec("cel.cel", folders) if folders is not None else None
    if extension is None or extension.loader is None:
        return importlib.import_module("cel")
    module = module_from_spec(extension)
    sys.modules["cel.cel"] = module  # it can be loaded once: whoever imports the package later must find it
    extension.loader.exec_module(module)
    return module
