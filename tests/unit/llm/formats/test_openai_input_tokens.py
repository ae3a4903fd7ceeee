import msgspec
import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import NO_OPTIONS, Options, Profile
from entresol.llm.formats.openai_input_tokens import OpenAIInputTokens

FORMAT = OpenAIInputTokens()
OPENAI = Profile(provider="openai")


def test_a_call_passes_with_the_model_set() -> None:
    opened = FORMAT.open(b'{"input":"hello", "personality":"friendly"}')
    body = FORMAT.close(opened, "gpt-5.5", False, Options(max_tokens=5), OPENAI)
    assert msgspec.json.decode(body) == {"input": "hello", "personality": "friendly", "model": "gpt-5.5"}
    opened = FORMAT.open(b'{"input":"hello","model":"gpt-5.5"}')
    assert FORMAT.close(opened, "gpt-5.5", False, NO_OPTIONS, OPENAI) == b'{"input":"hello","model":"gpt-5.5"}'


def test_a_written_request_holds_nothing_that_only_responses_take() -> None:
    request = FORMAT.decode_request(b'{"model":"gpt-5.5","input":"hello"}')
    request.origin = "openai-chat"  # then a response would not be stored, and reasoning come encrypted
    encoded = FORMAT.encode_request(request, OPENAI)
    assert set(msgspec.json.decode(encoded.body)) == {"model", "input"}
    assert encoded.dropped == []


@pytest.mark.parametrize("body", [b'{"model":"gpt-5.5"}', b'{"input":[],"model":"x"}', b'{"input":7}'])
def test_a_request_without_anything_to_count_is_refused(body: bytes) -> None:
    with pytest.raises(ClientError, match="input"):
        FORMAT.decode_request(body)


def test_an_answer_says_what_it_is() -> None:
    counted = FORMAT.decode_response(b'{"object":"response.input_tokens","input_tokens":12}')
    assert counted.extra == {}
    expected = {"object": "response.input_tokens", "input_tokens": 12}
    assert msgspec.json.decode(FORMAT.encode_response(counted).body) == expected
