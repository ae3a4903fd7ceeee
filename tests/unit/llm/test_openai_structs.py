import msgspec
import pytest

from entresol.llm.openai_structs import ErrorWire, decode_error, decode_facts


@pytest.mark.parametrize("error", [b'"short"', b'{"message":"m","code":429,"param":[1],"more":{}}'])
def test_what_nobody_asks_for_is_skipped_whatever_it_is(error: bytes) -> None:
    answer = decode_facts(b'{"id":"c","x":[{}],"choices":[{"index":1,"message":null}],"error":%b}' % error)
    assert answer.choices is not None
    assert (answer.id, answer.choices[0].index, answer.choices[0].finish_reason) == ("c", 1, None)
    assert answer.error in ("short", ErrorWire("m", None, 429, [1]))


def test_an_error_may_be_the_whole_answer() -> None:
    assert decode_error(b'{"message":"m","type":"t","code":"c"}').message == "m"


@pytest.mark.parametrize("body", [b"[]", b'{"choices":[[]]}'])
def test_what_has_another_shape_is_no_answer(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_facts(body)
