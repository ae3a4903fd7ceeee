import pytest

from entresol.llm.signatures import ANTHROPIC, GEMINI, for_client, for_provider, signed_by


@pytest.mark.parametrize(
    ("wire", "canonical"),
    [("abc", "anthropic:abc"), ("gemini:abc", "gemini:abc"), ("openai:abc", "openai:abc"), ("", None), (None, None)],
)
def test_a_signature_bears_its_makers_name(wire: str | None, canonical: str | None) -> None:
    assert signed_by(wire, ANTHROPIC) == canonical


def test_only_the_maker_gets_it_bare() -> None:
    assert for_provider("anthropic:abc", ANTHROPIC) == "abc"
    assert for_provider("anthropic:abc", GEMINI) is None
    assert for_provider(None, GEMINI) is None


def test_a_client_gets_its_own_formats_bare_and_others_as_they_are() -> None:
    assert for_client("anthropic:abc", ANTHROPIC) == "abc"
    assert for_client("gemini:abc", ANTHROPIC) == "gemini:abc"
    assert for_client(None, ANTHROPIC) is None
