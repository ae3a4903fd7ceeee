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


@pytest.mark.parametrize(
    ("text", "value", "result"),
    [
        ("https://$(headers.x).example.com/v1", "eu-1", "https://eu-1.example.com/v1"),
        ("http://$(headers.x)/v1", "10.0.0.1:8000", "http://10.0.0.1:8000/v1"),
        ("http://mock.test/$(headers.x)/chat", "a b?c#d&e", "http://mock.test/a%20b%3Fc%23d&e/chat"),
        ("http://mock.test/$(headers.x)", "a/b%20c%", "http://mock.test/a/b%20c%25"),
        ("http://mock.test/p?a=$(headers.x)", "1&b=2#c", "http://mock.test/p?a=1%26b%3D2%23c"),
        ("$(headers.x)", "http://mock.test/v1", "http://mock.test/v1"),
    ],
)
def test_a_value_in_a_url_stays_in_its_place(text: str, value: str, result: str) -> None:
    assert Template(text).render_url(lambda source, key: value) == result


@pytest.mark.parametrize(
    "value", ["evil.test/", "evil.test?", "evil.test#", "evil.test\\", "user@evil.test", "a b", "evil.test%2f"]
)
def test_a_value_cannot_choose_another_host_than_its_place_in_the_name_allows(value: str) -> None:
    with pytest.raises(ClientError) as error:
        Template("https://$(headers.x).example.com/v1").render_url(lambda source, key: value)
    assert (error.value.status, error.value.code) == (400, "bad_request")


@pytest.mark.parametrize("value", ["..", "../../admin", "a/../../b", "%2e%2e", "a/%2E./b", "a?/../b", "."])
def test_a_value_cannot_climb_out_of_the_path(value: str) -> None:
    for render in (Template("/base/$(headers.x)").render_path, Template("http://h/$(headers.x)/v1").render_url):
        with pytest.raises(ClientError) as error:
            render(lambda source, key: value)
        assert (error.value.status, error.value.code) == (400, "bad_request")


def test_a_value_in_a_path_holds_no_line_break() -> None:
    assert Template("/a/$(query_params.x)").render_path(lambda source, key: "b\r\nX: é") == "/a/b%0D%0AX:%20%C3%A9"
