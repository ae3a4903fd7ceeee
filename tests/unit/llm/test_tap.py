import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.format import CallFacts
from entresol.llm.registry import format_named
from entresol.llm.tap import HEAD_BYTES, TAIL_BYTES, WHOLE_BYTES, BodyTap, StreamTap
from entresol.llm.types import Usage

OPENAI = format_named("openai-chat")
DELTA = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n'
END = (
    b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"id":"c","model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\n'
    b"data: [DONE]\n\n"
)


def facts_of(stream: bytes, size: int) -> CallFacts:
    tap = StreamTap()
    for at in range(0, len(stream), size):
        tap.feed(stream[at : at + size])
    return tap.facts(OPENAI)


@pytest.mark.parametrize("size", [1, 7, 97, 4096, 1_000_000])
@pytest.mark.parametrize("deltas", [0, 10, 2000])
def test_the_end_of_a_stream_is_read_however_it_is_cut(size: int, deltas: int) -> None:
    facts = facts_of(DELTA * deltas + END, size)
    assert facts.usage == Usage(input=7, output=5)
    assert (facts.model, facts.finish_reason, facts.is_complete, facts.error) == ("m", "stop", True, None)


def test_a_cut_stream_is_not_complete() -> None:
    facts = facts_of(DELTA * 500, 97)
    assert (facts.is_complete, facts.finish_reason, facts.usage) == (False, None, None)


def test_a_tap_forgets_the_middle() -> None:
    tap = StreamTap()
    for _ in range(10_000):
        tap.feed(DELTA)
        assert sum(len(part) for part in tap._parts) <= TAIL_BYTES + HEAD_BYTES
    head, tail = tap.ends()
    assert tail is not None
    assert (len(head), len(tail) >= TAIL_BYTES // 2) == (HEAD_BYTES, True)


def test_a_large_answer_is_read_at_both_ends() -> None:
    data = b'{"object":"list","model":"e","data":[' + b"0.1," * 100_000 + b'0],"usage":{"prompt_tokens":9}}'
    assert len(data) > WHOLE_BYTES
    tap = BodyTap()
    for at in range(0, len(data), 65_536):
        tap.feed(data[at : at + 65_536])
    facts = tap.facts(format_named("openai-embeddings"))
    assert (facts.model, facts.usage) == ("e", Usage(input=9))


def test_a_small_answer_that_is_none_is_noticed() -> None:
    tap = BodyTap()
    tap.feed(b"<html>")
    with pytest.raises(UpstreamError) as error:
        tap.facts(OPENAI)
    assert error.value.code == "provider_bad_response"
