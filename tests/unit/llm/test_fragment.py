import pytest

from entresol.llm.fragment import object_after, string_after

OBJECTS = [
    (b'x","usage":{"a":1}}', b'{"a":1}'),
    (b'"usage" : {"a":{"b":"}"}} ,', b'{"a":{"b":"}"}}'),
    (b'"usage":{"a":1},"usage":{"a":2}', b'{"a":2}'),
    (b'"usage":{"a":1},"usage":null', b'{"a":1}'),
    (b'"usage":{"a":1},"usage":{"a":', b'{"a":1}'),
    (b'"usage":{"a":"\\"}"}', b'{"a":"\\"}"}'),
    (b'"usage":{"a":"cut', None),
    (b'{"text":"the \\"usage\\":{}"}', None),
    (b"nothing", None),
    (b"", None),
]


@pytest.mark.parametrize(("fragment", "expected"), OBJECTS)
def test_the_last_complete_object_after_a_key_is_found(fragment: bytes, expected: bytes | None) -> None:
    assert object_after(fragment, b'"usage"') == expected


STRINGS = [
    (b'{"model":"gpt-4o","x":1', "gpt-4o"),
    (b'{"model" : "gpt"', "gpt"),
    (b'{"model":null,"model":"b"', "b"),
    (b'{"model":"with \\"quote\\""', None),
    (b'{"model":"cut', None),
    (b"", None),
]


@pytest.mark.parametrize(("fragment", "expected"), STRINGS)
def test_the_first_plain_string_after_a_key_is_found(fragment: bytes, expected: str | None) -> None:
    assert string_after(fragment, b'"model"') == expected


def test_a_text_full_of_the_key_costs_no_more_than_sixteen_looks() -> None:
    assert object_after(b'"usage":{"a":1}' + b'"usage":' * 100_000, b'"usage"') is None
    assert string_after(b'"model":1' * 100_000 + b'"model":"x"', b'"model"') is None
