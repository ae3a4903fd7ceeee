import msgspec
import pytest

from entresol.llm.json_faults import refused_value


class Known(msgspec.Struct):
    size: int = 0


def fault(body: bytes, kind: object = object) -> tuple[str, str]:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.json.decode(body, type=kind)
    return refused_value(body, error.value)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"temperature":1e400}', "temperature"),
        (b'{"a":1,"b":[{},{"c":-1e400}]}', "b[1].c"),
        (b' [ 1 , [ 2, 1e999 ] ]', "[1][1]"),
        (b'{"a":"1e400","b":{"x":{"y":1e400}}}', "b.x.y"),
        (b"1e400", ""),
        (b'{"a":' * 12 + b"1e400" + b"}" * 12, "a.a.a.a.a.a.a.a"),  # far enough
    ],
)  # fmt: skip
def test_a_number_that_is_too_large_is_found_by_its_keys(body: bytes, path: str) -> None:
    assert fault(body) == (path, "Number out of range")


def test_where_the_fields_are_known_their_names_are_kept() -> None:
    assert fault(b'{"size":"x"}', Known) == ("size", "Expected `int`, got `str`")
    assert fault(b'[{"size":1e999}]', list[Known])[0] == "[0].size"
    assert fault(b"[]", Known) == ("", "Expected `object`, got `array`")
