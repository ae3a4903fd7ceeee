"""Every official client gets its answers from every provider: whole and streamed, with tools and images.

The provider checks each request as the real one would, so an answer means that what the gateway sent was well-formed.
"""

import pytest

from contract.sdk.stand import CLIENTS, MODELS, PROVIDERS, WIRES, Stand
from contract.sdk.talking import PIXEL, TALKS, TOOL, Talk

PAIRS = [(client, provider) for client in CLIENTS for provider in PROVIDERS]
DONE = {"openai": "stop", "anthropic": "end_turn", "gemini": "STOP"}
LENGTH = {"openai": "length", "anthropic": "max_tokens", "gemini": "MAX_TOKENS"}
CALLED = {"openai": "tool_calls", "anthropic": "tool_use", "gemini": "STOP"}

pytestmark = [pytest.mark.parametrize(("client", "provider"), PAIRS), pytest.mark.parametrize("stream", [False, True])]


def talk_to(stand: Stand, client: str, provider: str) -> Talk:
    return TALKS[client](stand, provider)


def test_a_question_is_answered_with_usage_and_a_finish_reason(
    stand: Stand, client: str, provider: str, stream: bool
) -> None:
    talk = talk_to(stand, client, provider)
    heard = talk.ask(MODELS[provider], [talk.user("Hello")], stream=stream)
    assert heard.text == 'You said: "Hello".'
    assert heard.finish == DONE[client]
    assert heard.input_tokens > 0
    assert heard.output_tokens == 5
    assert (stand.last.wire, stand.last.status) == (WIRES.get(provider, provider), 200)
    assert b"Be brief." in stand.last.body


def test_the_gateways_key_never_reaches_the_provider(stand: Stand, client: str, provider: str, stream: bool) -> None:
    talk = talk_to(stand, client, provider)
    talk.ask(MODELS[provider], [talk.user("Hello")], stream=stream)
    for _, value in stand.last.headers:
        assert b"gateway-key" not in value
    assert "gateway-key" not in stand.last.query


def test_a_tool_is_called_and_its_result_answered(stand: Stand, client: str, provider: str, stream: bool) -> None:
    talk = talk_to(stand, client, provider)
    model = MODELS[provider]
    turns = [talk.user("What is the weather in Paris?")]
    first = talk.ask(model, turns, tools=True, stream=stream)
    assert first.finish == CALLED[client]
    assert [(name, arguments) for _, name, arguments in first.calls] == [(TOOL, {"city": "Paris"})]
    turns += [first.turn, *talk.results(first.calls, "18 degrees")]
    second = talk.ask(model, turns, tools=True, stream=stream)
    assert "18 degrees" in second.text
    assert second.text.startswith(f"{TOOL} says:")
    assert second.finish == DONE[client]


def test_parallel_calls_keep_apart_and_get_their_own_results(
    stand: Stand, client: str, provider: str, stream: bool
) -> None:
    talk = talk_to(stand, client, provider)
    model = MODELS[provider]
    turns = [talk.user("What is the weather in Paris and Tokyo and Lima?")]
    first = talk.ask(model, turns, tools=True, stream=stream)
    assert [arguments["city"] for _, _, arguments in first.calls] == ["Paris", "Tokyo", "Lima"]
    ids = [call_id for call_id, _, _ in first.calls]
    assert client == "gemini" or (len(set(ids)) == 3 and all(ids))
    results = [turn for number, call in enumerate(first.calls) for turn in talk.results([call], f"{number} degrees")]
    turns += [first.turn, *merged(results, client)]
    second = talk.ask(model, turns, tools=True, stream=stream)
    assert [f"{number} degrees" in second.text for number in range(3)] == [True, True, True]
    assert second.text.count(f"{TOOL} says:") == 3


def merged(results: list[object], client: str) -> list[object]:
    """Results in one turn, as Gemini's and Anthropic's clients send them; OpenAI's have a message each."""
    if client == "openai":
        return results
    first, *others = results
    for other in others:
        if isinstance(first, dict) and isinstance(other, dict):
            first["content"] += other["content"]
        else:
            first.parts += other.parts  # type: ignore[attr-defined]
    return [first]


def test_an_image_arrives_as_it_was_sent(stand: Stand, client: str, provider: str, stream: bool) -> None:
    talk = talk_to(stand, client, provider)
    heard = talk.ask(MODELS[provider], [talk.user("Look", PIXEL)], stream=stream)
    assert "one image (image/png, 70 bytes)" in heard.text
    is_passed = client == provider == "gemini"  # whose client writes the URL-safe alphabet
    assert (PIXEL.replace("+", "-").replace("/", "_") if is_passed else PIXEL).encode() in stand.last.body


def test_an_answer_that_hits_the_limit_says_so(stand: Stand, client: str, provider: str, stream: bool) -> None:
    talk = talk_to(stand, client, provider)
    heard = talk.ask(MODELS[provider], [talk.user("Write 2000 words")], stream=stream)
    assert heard.finish == LENGTH[client]
    assert heard.output_tokens == 500


def test_words_of_every_script_survive(stand: Stand, client: str, provider: str, stream: bool) -> None:
    talk = talk_to(stand, client, provider)
    words = 'naïve 東京 🗼 \u2028 \\n "quoted" {brace}'
    assert talk.ask(MODELS[provider], [talk.user(words)], stream=stream).text == f'You said: "{words}".'
