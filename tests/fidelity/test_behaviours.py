"""The promises beside single fields (`behaviours.yaml`): each has a source, and tests that exist."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BEHAVIOURS: list[dict[str, Any]] = yaml.safe_load((HERE / "behaviours.yaml").read_text(encoding="utf-8"))


@cache
def names_in(path: Path) -> frozenset[str]:
    """The names of the tests in a file, read without running it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(each.name for each in tree.body if isinstance(each, ast.FunctionDef))


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda each: each["id"])
def test_a_behaviour_has_a_source_and_tests_that_exist(behaviour: dict[str, Any]) -> None:
    assert set(behaviour) - {"kong"} == {"id", "says", "source", "tests"}
    assert behaviour["tests"]
    for node in behaviour["tests"]:
        path, _, name = node.partition("::")
        assert name.startswith("test_")
        assert name in names_in(ROOT / path), f"{path} has no {name}"


def test_no_id_stands_twice() -> None:
    assert [name for name, times in Counter(each["id"] for each in BEHAVIOURS).items() if times > 1] == []


def test_every_test_of_a_defect_of_kongs_is_a_behaviour_with_that_mark() -> None:
    known = {node for each in BEHAVIOURS if each.get("kong") for node in each["tests"]}
    path = "tests/fidelity/test_kongs_defects.py"
    missing = {f"{path}::{name}" for name in names_in(ROOT / path) if name.startswith("test_")} - known
    assert missing == set()
