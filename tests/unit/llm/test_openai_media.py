import json

import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.formats.openai_images import OpenAIImages
from entresol.llm.openai_media import MediaUsage, read_usage
from entresol.llm.types import Usage

IMAGES = OpenAIImages()
USAGE = {
    "input_tokens": 50,
    "output_tokens": 1000,
    "total_tokens": 1050,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
}


def stream(*events: object) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)


def test_tokens_are_counted_by_kind() -> None:
    facts = IMAGES.response_facts(json.dumps({"created": 1, "data": [{"b64_json": "AA=="}], "usage": USAGE}).encode())
    assert facts.usage == Usage(input=10, input_image=40, output_image=1000)


def test_seconds_are_no_tokens() -> None:
    assert read_usage(MediaUsage()) is None


def test_a_stream_is_complete_with_its_last_event() -> None:
    partial = {"type": "image_generation.partial_image", "b64_json": "A" * 20_000}
    final = {"type": "image_generation.completed", "b64_json": "B" * 20_000, "usage": USAGE}
    facts = IMAGES.stream_facts(stream(partial, final), None)
    assert (facts.is_complete, facts.usage) == (True, Usage(input=10, input_image=40, output_image=1000))
    assert not IMAGES.stream_facts(stream(partial), None).is_complete
    window = stream(partial, final)
    facts = IMAGES.stream_facts(window[:4096], window[-8192:])
    assert (facts.is_complete, facts.usage) == (True, Usage(input=10, input_image=40, output_image=1000))


def test_an_error_in_a_stream_is_one() -> None:
    facts = IMAGES.stream_facts(
        stream({"type": "error", "error": {"message": "no", "code": "rate_limit_exceeded"}}), None
    )
    assert facts.error is not None
    assert (facts.error.message, facts.error.status) == ("no", 429)


def test_usage_is_found_in_an_answer_too_large_to_be_read_whole() -> None:
    body = json.dumps({"created": 1, "data": [{"b64_json": "A" * 100_000}], "usage": USAGE}).encode()
    assert IMAGES.fragment_facts(body[:4096], body[-8192:]).usage == Usage(input=10, input_image=40, output_image=1000)


def test_html_is_no_answer() -> None:
    with pytest.raises(UpstreamError):
        IMAGES.response_facts(b"<html>")
