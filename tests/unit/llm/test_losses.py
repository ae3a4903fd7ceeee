import pytest

from entresol.llm.losses import Losses, Unsupported
from entresol.llm.profile import Profile
from entresol.llm.types import ChatRequest, Message, Text

PROFILE = Profile(provider="somewhere", unsupported=frozenset(("seed",)))


def chat(**fields: object) -> ChatRequest:
    made = ChatRequest(origin="one", messages=[Message(role="user", parts=[Text(text="x", extra={"odd": 1})])])
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_field_that_an_encoder_forgets_is_reported() -> None:
    losses = Losses(chat(top_k=3, seed=1), "one", frozenset(("seed",)), PROFILE)
    assert losses.finish() == ["top_k", "seed"]


def test_extras_are_lost_in_another_format_only() -> None:
    assert Losses(chat(), "one", frozenset(), PROFILE).finish() == []
    assert Losses(chat(), "two", frozenset(), PROFILE).finish() == ["messages[].content[].odd"]


def test_what_decides_the_answer_is_refused_in_another_format() -> None:
    with pytest.raises(Unsupported, match="mode is not supported by provider somewhere"):
        Losses(chat(extra={"mode": 1}, binding=["mode"]), "two", frozenset(), PROFILE).finish()


def test_a_refusal_can_be_said_in_the_clients_words() -> None:
    refusal = Losses(chat(), "two", frozenset(), PROFILE).refuse("a.b", "no")
    assert str(refusal.in_words_of(str.upper)).endswith("A.B is not supported by provider somewhere: no")


@pytest.mark.parametrize(("origin", "takes", "can"), [("one", False, True), ("two", False, False), ("two", True, True)])
def test_marks_of_what_to_cache_are_for_those_that_know_them(origin: str, takes: bool, can: bool) -> None:
    profile = Profile(provider="somewhere", takes_cache_marks=takes)
    request = ChatRequest(origin=origin, messages=[])
    assert Losses(request, "one", frozenset(), profile).takes_cache_marks is can


def test_how_documents_go_is_the_profiles_say() -> None:
    assert not Losses(chat(), "one", frozenset(), PROFILE).has_document_urls
