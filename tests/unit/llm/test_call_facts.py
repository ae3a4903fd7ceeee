import msgspec
import pytest

from entresol.llm.call_facts import CallFacts, OpenChoices
from entresol.llm.types import Usage


def test_facts_say_nothing_until_they_are_told() -> None:
    assert set(CallFacts().parts().values()) == {None, False}


def test_facts_are_the_same_if_every_part_is() -> None:
    facts = CallFacts(usage=Usage(input=1), model="m", finish_reason="stop", is_complete=True)
    assert facts == CallFacts(usage=Usage(input=1), model="m", finish_reason="stop", is_complete=True)
    assert facts != CallFacts(usage=Usage(input=2), model="m", finish_reason="stop", is_complete=True)
    assert facts != "facts"
    assert "'model': 'm'" in repr(facts)
    with pytest.raises(TypeError):
        hash(facts)
    assert msgspec.to_builtins(facts.parts())["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("notes", "is_any_open", "are_all_finished"),
    [
        ([], False, False),
        ([(0, False)], True, False),
        ([(0, False), (0, True)], False, True),
        ([(0, True), (1, False)], True, False),
    ],
)
def test_a_choice_is_open_until_it_has_finished(
    notes: list[tuple[int, bool]], is_any_open: bool, are_all_finished: bool
) -> None:
    choices = OpenChoices()
    for index, is_finished in notes:
        choices.note(index, is_finished)
    assert (choices.is_any_open, choices.are_all_finished) == (is_any_open, are_all_finished)
