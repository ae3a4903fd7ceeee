"""Settings that every endpoint shares."""

from entresol.scripted.script import json_script
from entresol.scripted.settings import DEFAULT_KEY, Answered, Settings


def test_the_default_key_is_the_only_one_that_is_taken_unless_told_otherwise() -> None:
    assert Settings().keys == (DEFAULT_KEY,)
    assert Settings(keys=("other",)).keys == ("other",)


def test_an_answer_names_its_wire() -> None:
    assert Answered(json_script(200, {}), "ollama").model == ""
