"""Text Generation Inference's answers."""

from typing import Any

import msgspec
import pytest

from unit.scripted.asking import WEATHER_SCHEMA, ask, said


def generate(prompt: str, **parameters: Any) -> Any:
    return said(ask("/generate", {"inputs": prompt, "parameters": parameters}))


def test_an_answer_is_its_text_and_what_was_asked_for() -> None:
    assert generate("Hello") == {"generated_text": 'You said: "Hello".'}
    details = generate("Hello", details=True, decoder_input_details=True, seed=5)["details"]
    assert (details["finish_reason"], details["generated_tokens"], details["seed"]) == ("eos_token", 5, 5)
    assert len(details["prefill"]) == 2
    assert "".join(token["text"] for token in details["tokens"]) == 'You said: "Hello".'
    assert generate("Hello", details=True)["details"]["prefill"] == []
    assert len(generate("Hello", details=True, top_n_tokens=1)["details"]["top_tokens"]) == 3


def test_the_prompt_comes_again_for_who_wants_it() -> None:
    assert generate("Hello", return_full_text=True)["generated_text"].startswith("HelloYou said")


def test_only_the_last_paragraph_is_the_users() -> None:
    assert generate("Be brief.\n\nHello")["generated_text"] == 'You said: "Hello".'


@pytest.mark.parametrize(
    ("parameters", "text", "reason"),
    [
        ({"max_new_tokens": 2}, "alpha br", "length"),
        ({"stop": [" charlie"]}, "alpha bravo", "stop_sequence"),
    ],
)
def test_limits_and_stops_are_honoured(parameters: dict[str, Any], text: str, reason: str) -> None:
    answer = generate("Write 50 words", details=True, **parameters)
    assert (answer["generated_text"], answer["details"]["finish_reason"]) == (text, reason)


@pytest.mark.parametrize(
    "grammar", [{"type": "json", "value": WEATHER_SCHEMA}, {"type": "json_schema", "value": {"schema": WEATHER_SCHEMA}}]
)
def test_grammars_are_kept_to(grammar: dict[str, Any]) -> None:
    assert generate("weather in Paris", grammar=grammar)["generated_text"] == '{"city":"Paris"}'


def test_a_stream_says_what_the_whole_answer_says() -> None:
    body = {"inputs": "Hello", "parameters": {"details": True, "top_n_tokens": 1}}
    data = ask("/generate_stream", body).script.body
    events = [msgspec.json.decode(event[5:]) for event in data.split(b"\n\n") if event]
    *words, last = events
    assert "".join(event["token"]["text"] for event in words) == last["generated_text"] == 'You said: "Hello".'
    assert last["token"]["special"]
    assert last["details"] == {"finish_reason": "eos_token", "generated_tokens": 5, "seed": None, "input_length": 2}
    assert all(event["top_tokens"] for event in words)
