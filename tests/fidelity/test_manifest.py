"""The manifest: every field that official clients can send, and what becomes of it in every other wire.

`manifest/<format>.yaml` has a line for each field: `mapped`, `dropped` (and reported), `refused` (with 400), or `same`
(it says what goes without saying; `classes.SAME_FIELDS` has the reason). The fields come from the clients' own types,
so a field that a new version of a client adds is missing here until somebody decides. `--golden-update` writes what is
found; the diff is the review.

`manifest/answers/<format>.yaml` is the same for the fields of whole answers: `mapped`, `dropped`, `same`
(`answer_wires.SAME_ANSWERS`), or `failed`: such an answer is an error, and the client gets one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fidelity.answer_wires import ANSWERS, FAILED, answer_classes
from fidelity.classes import DROPPED, MAPPED, REFUSED, SAME, classes
from fidelity.wires import WIRES

HERE = Path(__file__).parent / "manifest"
CLASSES = {MAPPED, DROPPED, REFUSED, SAME}


def found(name: str) -> dict[str, Any]:
    """The manifest of a wire's requests, as it is today."""
    return {"wire": name, "source": WIRES[name].source, "fields": lines(classes(name))}


def found_in_answers(name: str) -> dict[str, Any]:
    """The manifest of a wire's answers, as it is today."""
    return {"wire": name, "source": ANSWERS[name].source, "fields": lines(answer_classes(name))}


def lines(found: Iterator[tuple[str, dict[str, str]]]) -> dict[str, str | dict[str, str]]:
    """A line a field: one word where all other wires agree."""
    return {path: said if len(set(said.values())) > 1 else next(iter(said.values())) for path, said in found}


def strange(fields: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """The fields that have no class."""
    return {
        path: said
        for path, said in fields.items()
        if not (set(said.values()) if isinstance(said, dict) else {said}) <= known
    }


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def shown(manifest: dict[str, Any]) -> str:
    return yaml.safe_dump(manifest, sort_keys=False, width=200, default_flow_style=None, allow_unicode=True)


@pytest.mark.parametrize("name", WIRES)
def test_every_field_has_the_class_that_is_written(name: str, golden_update: bool) -> None:
    path, today = HERE / f"{name}.yaml", found(name)
    if golden_update:
        path.write_text(shown(today), encoding="utf-8")
    assert read(path) == today


@pytest.mark.parametrize("name", WIRES)
def test_no_field_is_in_no_class(name: str) -> None:
    assert strange(read(HERE / f"{name}.yaml")["fields"], CLASSES) == {}


@pytest.mark.parametrize("name", WIRES)
def test_a_wire_has_many_fields(name: str) -> None:
    """A walk through a client's types that finds little has gone wrong."""
    assert len(read(HERE / f"{name}.yaml")["fields"]) >= 35


@pytest.mark.parametrize("name", ANSWERS)
def test_every_field_of_an_answer_has_the_class_that_is_written(name: str, golden_update: bool) -> None:
    path, today = HERE / "answers" / f"{name}.yaml", found_in_answers(name)
    if golden_update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown(today), encoding="utf-8")
    assert read(path) == today
    assert strange(today["fields"], {*CLASSES, FAILED}) == {}
    assert len(today["fields"]) >= 10


def test_every_wire_has_answers() -> None:
    assert set(ANSWERS) == set(WIRES)
