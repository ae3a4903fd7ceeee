"""Text Generation Inference's refusals."""

from typing import Any

import pytest

from unit.scripted.asking import ask, said


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"max_tokens": 5}, "unknown field `parameters.max_tokens`"),
        ({"max_new_tokens": "x"}, "parameters.max_new_tokens: invalid value: string, expected integer"),
        ({"max_new_tokens": 0}, "`max_new_tokens` must be strictly positive"),
        ({"temperature": 0}, "`temperature` must be strictly positive"),
        ({"top_k": 0}, "`top_k` must be strictly positive"),
        ({"top_p": 1}, "`top_p` must be > 0.0 and < 1.0"),
        ({"typical_p": 0}, "`typical_p` must be > 0.0 and < 1.0"),
        ({"frequency_penalty": 3}, "`frequency_penalty`"),
        ({"presence_penalty": 1}, "unknown field"),
        ({"seed": -1}, "parameters.seed"),
        ({"stop": ["a"] * 5}, "up to 4 stop sequences"),
        ({"top_n_tokens": 6}, "`top_n_tokens`"),
        ({"best_of": 2}, "`best_of`"),
        ({"grammar": {"type": "json", "value": "x"}}, "parameters.grammar.value"),
        ({"grammar": {"type": "lark", "value": "x"}}, "parameters.grammar.type"),
    ],
)
def test_parameters_that_tgi_does_not_take_are_refused(parameters: dict[str, Any], words: str) -> None:
    answered = ask("/generate", {"inputs": "Hello", "parameters": parameters})
    assert answered.script.status == 422
    assert words in said(answered)["error"]
    assert said(answered)["error_type"] == "validation"


@pytest.mark.parametrize("body", [{}, {"inputs": ""}, {"inputs": ["a"]}, {"inputs": "a", "messages": []}, []])
def test_a_body_of_another_shape_is_refused(body: object) -> None:
    assert ask("/generate", body).script.status == 422


def test_details_of_the_prompt_are_not_streamed() -> None:
    body = {"inputs": "Hello", "parameters": {"decoder_input_details": True}}
    assert ask("/generate", body).script.status == 200
    assert ask("/generate_stream", body).script.status == 422


def test_what_tgi_takes_is_answered() -> None:
    parameters = {"best_of": 2, "do_sample": True, "temperature": 0.5, "stop": ["x"], "grammar": None, "seed": 0}
    assert ask("/generate", {"inputs": "Hello", "parameters": parameters}).script.status == 200
