import pytest

from entresol.llm.format import NO_OPTIONS, Profile
from entresol.llm.formats.openai_speech import OpenAISpeech
from entresol.llm.types import Usage

FORMAT = OpenAISpeech()
PROFILE = Profile(provider="openai")


@pytest.mark.parametrize(
    ("asked", "stream"), [(b"", False), (b',"stream_format":"audio"', False), (b',"stream_format":"sse"', True)]
)
def test_events_come_where_the_client_asks_for_them(asked: bytes, stream: bool) -> None:
    body = b'{"model":"tts","input":"hello","voice":"alloy"%b}' % asked
    opened = FORMAT.open(body)
    assert opened.stream is stream
    assert FORMAT.close(opened, "tts", stream, NO_OPTIONS, PROFILE) == body


def test_a_stream_that_is_not_wanted_is_not_asked_for() -> None:
    opened = FORMAT.open(b'{"model":"tts","input":"hello","stream_format":"sse"}')
    assert b'"stream_format":"audio"' in FORMAT.close(opened, "tts", False, NO_OPTIONS, PROFILE)


def test_sound_passes_and_pages_do_not() -> None:
    assert FORMAT.passes(b"audio/mpeg")
    assert not FORMAT.passes(b"text/html")


def test_usage_comes_with_the_last_event() -> None:
    events = (
        b'data: {"type":"speech.audio.delta","audio":"AA=="}\n\n'
        b'data: {"type":"speech.audio.done","usage":{"input_tokens":3,"output_tokens":9,"total_tokens":12}}\n\n'
    )
    facts = FORMAT.stream_facts(events, None)
    assert (facts.is_complete, facts.usage) == (True, Usage(input=3, output=9))
