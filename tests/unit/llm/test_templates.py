import pytest

from entresol.core.errors import ClientError
from entresol.llm.templates import Template

VALUES = {("headers", "x-model"): "gpt-4o", ("uri_captures", "m"): "mini", ("query_params", "q"): "v"}


def look_up(source: str, key: str) -> str | None:
    return VALUES.get((source, key))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("gpt-4o", "gpt-4o"),
        ("$(headers.x-model)", "gpt-4o"),
        ("a-$(uri_captures.m)-$(query_params.q)", "a-mini-v"),
        ("$(other.x)", "$(other.x)"),
        ("$(headers.)", "$(headers.)"),
    ],
)
def test_placeholders_are_filled_from_the_request(text: str, result: str) -> None:
    assert Template(text).render(look_up) == result


def test_a_missing_value_is_named_as_kong_names_it() -> None:
    with pytest.raises(ClientError) as error:
        Template("$(uri_captures.model)").render(look_up)
    assert (error.value.status, error.value.message) == (400, "uri_captures key model was not provided")


def test_a_value_is_not_a_template_itself() -> None:
    assert Template("$(headers.a)").render(lambda source, key: "$(headers.b)") == "$(headers.b)"


def test_constant_texts_are_known() -> None:
    assert Template("x").is_constant
    assert not Template("$(headers.x)").is_constant
