"""The manifest: every field that official clients can send, and what becomes of it in every other wire.

`manifest/<format>.yaml` has a line for each field: `mapped`, `dropped` (and reported), `refused` (with 400), or `same`
(it says what goes without saying; `classes.SAME_FIELDS` has the reason). The fields come from the clients' own types,
so a field that a new version of a client adds is missing here until somebody decides. `--golden-update` writes what is
found; the diff is the review.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fidelity.classes import DROPPED, MAPPED, REFUSED, SAME, classes
from fidelity.wires import WIRES

HERE = Path(__file__).parent / "manifest"
CLASSES = {MAPPED, DROPPED, REFUSED, SAME}


def found(name: str) -> dict[str, Any]:
    """The manifest of a wire, as it is today: one word where all other wires agree."""
    lines: dict[str, Any] = {}
    for path, by_target in classes(name):
        words = set(by_target.values())
        lines[path] = words.pop() if len(words) == 1 else by_target
    return {"wire": name, "source": WIRES[name].source, "fields": lines}


def shown(manifest: dict[str, Any]) -> str:
    return yaml.safe_dump(manifest, sort_keys=False, width=200, default_flow_style=None, allow_unicode=True)


@pytest.mark.parametrize("name", WIRES)
def test_every_field_has_the_class_that_is_written(name: str, golden_update: bool) -> None:
    path, today = HERE / f"{name}.yaml", found(name)
    if golden_update:
        path.write_text(shown(today), encoding="utf-8")
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == today


@pytest.mark.parametrize("name", WIRES)
def test_no_field_is_in_no_class(name: str) -> None:
    fields = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))["fields"]
    strange = {
        path: said
        for path, said in fields.items()
        if not (set(said.values()) if isinstance(said, dict) else {said}) <= CLASSES
    }
    assert strange == {}


@pytest.mark.parametrize("name", WIRES)
def test_a_wire_has_many_fields(name: str) -> None:
    """A walk through a client's types that finds little has gone wrong."""
    fields = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))["fields"]
    assert len(fields) >= 35
