import msgspec
import pytest

from entresol.llm.anthropic_structs import ErrorAnswer, EventWire, UsageWire


def test_a_delta_is_read_by_its_fields() -> None:
    event = msgspec.json.decode(
        b'{"type":"content_block_delta","index":2,"delta":{"text":"a","odd":1}}', type=EventWire
    )
    assert (event.type, event.index) == ("content_block_delta", 2)
    assert event.delta is not None
    assert (event.delta.text, event.delta.partial_json) == ("a", None)


def test_counts_may_be_missing_or_null() -> None:
    assert msgspec.json.decode(b'{"input_tokens":null}', type=UsageWire) == UsageWire()


def test_an_error_may_be_a_mere_text() -> None:
    assert msgspec.json.decode(b'{"error":"no"}', type=ErrorAnswer).error == "no"
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b"{}", type=ErrorAnswer)
