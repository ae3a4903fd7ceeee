import json

import pytest

from entresol.llm.format import Options, Profile
from entresol.llm.formats.openai_completions import OpenAICompletions
from entresol.llm.types import Usage

FORMAT = OpenAICompletions()
PROFILE = Profile(provider="openai")


@pytest.mark.parametrize("stream", [True, False])
def test_only_the_operators_options_and_usage_are_added(stream: bool) -> None:
    wire = {"model": "m", "prompt": ["a"], "logit_bias": {"1": 5}, "x": None, "stream": stream}
    opened = FORMAT.open(json.dumps(wire).encode())
    body = json.loads(FORMAT.close(opened, "m", stream, Options(max_tokens=3), PROFILE))
    extra = {"stream_options": {"include_usage": True}} if stream else {}
    assert body == wire | {"max_tokens": 3} | extra


def test_a_stream_is_read_along() -> None:
    stream = (
        b'data: {"id":"c","model":"m","choices":[{"text":"a","finish_reason":"length"}]}\n\n'
        b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":2,"completion_tokens":1}}\n\ndata: [DONE]\n\n'
    )
    facts = FORMAT.stream_facts(stream, None)
    assert (facts.finish_reason, facts.usage, facts.is_complete) == ("length", Usage(input=2, output=1), True)


def test_a_client_that_did_not_ask_for_usage_does_not_see_it() -> None:
    assert FORMAT.stream_filter(FORMAT.open(b'{"prompt":"x","stream":true}')) is not None
