"""A machine on which one of the optional libraries is not installed."""

from importlib.machinery import ModuleSpec

import pytest


def hide(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `library` be found no more."""
    from importlib import util

    found = util.find_spec

    def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == library else found(name, package)

    monkeypatch.setattr("entresol.cloud.extras.find_spec", find_spec)
