from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Losses, Profile, bad_request
from entresol.llm.reading import ObjectReader
from entresol.llm.tgi_parameters import PARAMETERS, read_parameters, write_parameters
from entresol.llm.types import ChatRequest, Reasoning, ResponseFormat


def read(wire: dict[str, Any] | None) -> ChatRequest:
    request = ChatRequest(origin="tgi-generate", messages=[])
    read_parameters(None if wire is None else ObjectReader(wire, "parameters", bad_request), request)
    return request


def written(unsupported: frozenset[str] = frozenset(), **fields: Any) -> tuple[dict[str, Any], list[str]]:
    request = ChatRequest(origin="openai-chat", messages=[], **fields)
    losses = Losses(request, "tgi-generate", PARAMETERS, Profile(provider="huggingface", unsupported=unsupported))
    wire: dict[str, Any] = write_parameters(request, losses)
    assert wire.pop("details") is True
    assert wire.pop("decoder_input_details") is not fields.get("stream", False)
    return wire, losses.finish()


def test_parameters_have_their_canonical_names() -> None:
    request = read({"max_new_tokens": 5, "temperature": 0.5, "top_k": 3, "top_p": 0.9, "seed": 1, "stop": ["x"]})
    assert (request.max_tokens, request.temperature, request.top_k, request.top_p) == (5, 0.5, 3, 0.9)
    assert (request.seed, request.stop, request.extra) == (1, ["x"], {})
    assert read(None) == read({})


@pytest.mark.parametrize(
    ("wire", "temperature"),
    [
        ({"do_sample": False}, 0.0),
        ({"do_sample": True}, 1.0),
        ({"do_sample": True, "temperature": 0.5}, 0.5),
        ({"do_sample": None}, None),
    ],
)
def test_sampling_is_a_matter_of_temperature(wire: dict[str, Any], temperature: float | None) -> None:
    assert read(wire).temperature == temperature


def test_switches_that_are_off_say_nothing() -> None:
    off = dict.fromkeys(("return_full_text", "watermark", "details", "decoder_input_details"), False)
    assert read(off | {"best_of": 1, "truncate": None}).extra == {}
    on = {"return_full_text": True, "watermark": True, "details": True, "decoder_input_details": True, "best_of": 2}
    assert read(on).extra == {
        "parameters.return_full_text": True,
        "parameters.watermark": True,
        "parameters.decoder_input_details": True,
        "parameters.best_of": 2,
    }


@pytest.mark.parametrize(
    ("grammar", "expected"),
    [
        ({"type": "json", "value": {"a": 1}}, ResponseFormat(type="json_schema", schema={"a": 1})),
        (
            {"type": "json_schema", "value": {"name": "n", "schema": {"a": 1}}},
            ResponseFormat(type="json_schema", schema={"a": 1}, name="n"),
        ),
        ({"type": "regex", "value": "[0-9]"}, None),
        (None, None),
    ],
)
def test_a_grammar_of_json_is_a_schema(grammar: object, expected: ResponseFormat | None) -> None:
    request = read({"grammar": grammar})
    assert request.response_format == expected
    assert ("parameters.grammar" in request.extra) == (expected is None and grammar is not None)


@pytest.mark.parametrize(
    ("wire", "match"),
    [
        ({"max_new_tokens": "x"}, "parameters.max_new_tokens: expected an integer"),
        ({"stop": "x"}, "parameters.stop: expected a list"),
        ({"watermark": 1}, "parameters.watermark: expected true or false"),
        ({"grammar": {"type": "json", "value": "x"}}, "parameters.grammar.value: expected an object"),
        ({"grammar": {"type": "json_schema", "value": {}}}, "parameters.grammar.value.schema: is required"),
    ],
)
def test_a_parameter_of_the_wrong_kind_is_refused(wire: dict[str, Any], match: str) -> None:
    with pytest.raises(ClientError, match=match):
        read(wire)


@pytest.mark.parametrize(
    ("fields", "wire", "dropped"),
    [
        ({}, {}, []),
        ({"temperature": 0}, {"do_sample": False}, []),
        ({"temperature": 0, "top_p": 0.5}, {"do_sample": False}, []),
        ({"temperature": 0.5}, {"temperature": 0.5, "do_sample": True}, []),
        ({"top_p": 1}, {}, []),
        ({"top_k": 5}, {"top_k": 5, "do_sample": True}, []),
        ({"seed": 5}, {"seed": 5}, []),
        ({"seed": -1}, {}, ["seed"]),
        ({"frequency_penalty": 0.5, "presence_penalty": 0.5}, {"frequency_penalty": 0.5}, ["presence_penalty"]),
        ({"logprobs": True}, {"top_n_tokens": 1}, []),
        ({"logprobs": True, "top_logprobs": 3}, {"top_n_tokens": 3}, []),
        ({"top_logprobs": 3}, {}, ["top_logprobs"]),
        ({"stream": True, "stop": ["x"], "max_tokens": 5}, {"stop": ["x"], "max_new_tokens": 5}, []),
        ({"response_format": ResponseFormat(type="text")}, {}, []),
        ({"response_format": ResponseFormat(type="json_object")}, {}, ["response_format"]),
        ({"reasoning": Reasoning(is_enabled=False)}, {}, []),
        ({"reasoning": Reasoning(is_enabled=True)}, {}, ["reasoning"]),
        ({"reasoning": Reasoning(effort="low")}, {}, ["reasoning.effort"]),
    ],
)
def test_parameters_are_written_as_tgi_takes_them(
    fields: dict[str, Any], wire: dict[str, Any], dropped: list[str]
) -> None:
    assert written(**fields) == (wire, dropped)


def test_a_schema_is_a_grammar() -> None:
    wanted = ResponseFormat(type="json_schema", schema={"a": 1}, name="n")
    wire, dropped = written(response_format=wanted)
    assert wire == {"grammar": {"type": "json", "value": {"a": 1}}}
    assert dropped == ["response_format.json_schema.name"]


def test_what_the_provider_does_not_take_is_dropped() -> None:
    fields = {"temperature": 1, "max_tokens": 2, "seed": 3, "stop": ["x"], "logprobs": True, "frequency_penalty": 1}
    assert written(frozenset(fields), **fields) == ({}, [*written(frozenset(fields), **fields)[1]])
    assert set(written(frozenset(fields), **fields)[1]) == set(fields)
