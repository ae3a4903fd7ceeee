import msgspec
import pytest
from msgspec import UNSET

from entresol.llm.openai_responses_structs import decode_event, decode_event_facts, decode_response, decode_usage


def test_an_event_keeps_its_large_parts_in_their_bytes() -> None:
    event = decode_event(b'{"type":"response.output_item.done","output_index":2,"item":{"type": "message"}}')
    assert (event.type, event.output_index, event.response) == ("response.output_item.done", 2, UNSET)
    assert event.item == msgspec.Raw(b'{"type": "message"}')


@pytest.mark.parametrize("code", ['"slow_down"', "429", "null"])
def test_an_error_code_may_be_a_number(code: str) -> None:
    event = decode_event_facts(b'{"type":"error","code":%b,"message":"no"}' % code.encode())
    assert event.code == msgspec.json.decode(code)


def test_usage_may_lack_its_details() -> None:
    usage = decode_usage(b'{"input_tokens":3,"output_tokens":2,"input_tokens_details":null}')
    assert (usage.input_tokens, usage.input_tokens_details) == (3, None)


def test_fields_of_another_kind_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_response(b'{"output":"text"}')
