from entresol.llm.formats.openai_transcriptions import OpenAITranscriptions
from entresol.llm.types import Usage

FORMAT = OpenAITranscriptions()


def test_text_and_subtitles_pass_and_pages_do_not() -> None:
    assert FORMAT.passes(b"text/plain; charset=utf-8")
    assert FORMAT.passes(b"text/vtt")
    assert not FORMAT.passes(b"text/html")


def test_seconds_are_no_tokens() -> None:
    assert FORMAT.response_facts(b'{"text":"hi","usage":{"type":"duration","seconds":3}}').usage is None


def test_usage_comes_with_the_last_event() -> None:
    events = (
        b'data: {"type":"transcript.text.delta","delta":"hi"}\n\n'
        b'data: {"type":"transcript.text.done","text":"hi","usage":{"type":"tokens","input_tokens":12,'
        b'"output_tokens":2,"input_token_details":{"audio_tokens":10,"text_tokens":2}}}\n\n'
    )
    facts = FORMAT.stream_facts(events, None)
    assert (facts.is_complete, facts.usage) == (True, Usage(input=2, input_audio=10, output=2))
    assert not FORMAT.stream_facts(events[:60], None).is_complete
