import json

import msgspec
import pytest

from entresol.llm.opened import Opened
from entresol.llm.registry import format_named
from entresol.llm.usage_chunk import UsageChunkFilter, ask_for_usage, asks_for_usage

CHAT = format_named("openai-chat")

DELTA = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"x"}}],"usage":null}\n\n'
TOOLS = b'data: {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[]}}]}\n\n'
USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
FILTERED = b'data: {"choices": [],"prompt_filter_results":[]}\n\n'
DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, {"include_usage": True}), (b"null", {"include_usage": True}), (b"{}", {"include_usage": True}),
     (b'{"include_usage":false,"include_obfuscation":false}', {"include_usage": True, "include_obfuscation": False})],
)  # fmt: skip
def test_usage_is_asked_for_without_losing_other_options(before: bytes | None, after: object) -> None:
    fields = {} if before is None else {"stream_options": msgspec.Raw(before)}
    opened = Opened(fields, None, True)
    assert not asks_for_usage(fields.get("stream_options"))
    ask_for_usage(opened)
    assert json.loads(bytes(opened.fields["stream_options"])) == after
    assert asks_for_usage(opened.fields["stream_options"])


def test_stream_options_that_ask_for_usage_keep_their_bytes() -> None:
    asking = msgspec.Raw(b'{ "include_usage": true, "x": 1 }')
    opened = Opened({"stream_options": asking}, None, True, body=b"as it was")
    ask_for_usage(opened)
    assert (opened.fields, opened.body) == ({"stream_options": asking}, b"as it was")


def filtered(pieces: list[bytes]) -> bytes:
    take_out = UsageChunkFilter().feed
    return b"".join(take_out(piece, at + 1 == len(pieces)) for at, piece in enumerate(pieces))


STREAM = FILTERED + DELTA + TOOLS + DELTA + USAGE + DONE
WITHOUT = FILTERED + DELTA + TOOLS + DELTA + DONE


@pytest.mark.parametrize("size", range(1, len(STREAM), 13))
def test_only_the_usage_chunk_is_taken_out_however_the_stream_is_cut(size: int) -> None:
    assert filtered([STREAM[at : at + size] for at in range(0, len(STREAM), size)]) == WITHOUT


def test_a_whole_event_passes_at_once() -> None:
    take_out = UsageChunkFilter().feed
    assert take_out(DELTA, False) == DELTA
    assert take_out(DELTA[:20], False) == b""
    assert take_out(DELTA[20:], False) == DELTA


def test_lines_that_end_otherwise_switch_the_filter_off() -> None:
    stream = (DELTA + USAGE).replace(b"\n", b"\r\n")
    take_out = UsageChunkFilter().feed
    assert take_out(stream[:50], False) + take_out(stream[50:], False) == stream


def test_an_event_without_end_is_not_held_forever() -> None:
    take_out = UsageChunkFilter().feed
    out = b"".join(take_out(b"x" * 1000, False) for _ in range(100))
    assert len(out) == 100_000


def test_only_a_client_that_did_not_ask_gets_a_filter() -> None:
    asking = CHAT.open(b'{"messages":[],"stream":true,"stream_options":{"include_usage":true}}')
    silent = CHAT.open(b'{"messages":[],"stream":true}')
    assert CHAT.stream_filter(asking) is None
    assert CHAT.stream_filter(silent) is not None


ORDINARY = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
ODD = [
    b'data: {"usage":{"prompt_tokens":1},"choices":[]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":1},"service_tier":null}\n\n',
    b'data: {"choices": [],"usage": {"prompt_tokens":1}}\n\n',
]


@pytest.mark.parametrize("usage", ODD)
@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_a_usage_chunk_is_found_in_any_order_of_its_keys_and_behind_any_other(usage: bytes, size: int) -> None:
    stream = ORDINARY + usage + ORDINARY + DONE
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert filtered(pieces) == ORDINARY + ORDINARY + DONE


# What a stream said, read from its end.
