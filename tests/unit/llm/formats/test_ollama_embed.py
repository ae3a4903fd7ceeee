import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.embeddings import EmbeddingInput, EmbeddingRequest, EmbeddingResponse, text_input
from entresol.llm.events import ErrorDetail
from entresol.llm.format import NO_OPTIONS, Options, Profile
from entresol.llm.formats.ollama_embed import OllamaEmbed
from entresol.llm.registry import format_named
from entresol.llm.types import Image, Usage

EMBED = OllamaEmbed()
PROFILE = Profile(provider="ollama")


def test_it_is_registered() -> None:
    assert isinstance(format_named("ollama-embed"), OllamaEmbed)
    assert (EMBED.operation, EMBED.prompt_field) == ("embeddings", "input")


def test_it_never_streams() -> None:
    opened = EMBED.open(b'{"model":"m","input":"a"}')
    assert (opened.stream, opened.framing) == (False, "sse")
    assert EMBED.close(opened, "m", False, NO_OPTIONS, PROFILE) == b'{"model":"m","input":"a"}'
    set_for_all = EMBED.close(EMBED.open(b'{"model":"m","input":"a"}'), "n", False, Options(dimensions=8), PROFILE)
    assert json.loads(set_for_all) == {"model": "n", "input": "a", "dimensions": 8}
    assert not EMBED.stream_facts(b"x", None).is_complete


def test_a_request_is_written_as_it_was_read() -> None:
    wire = {
        "model": "m",
        "input": ["a", ""],
        "dimensions": 4,
        "truncate": False,
        "options": {"num_ctx": 9},
        "keep_alive": 0,
    }
    encoded = EMBED.encode_request(EMBED.decode_request(json.dumps(wire).encode()), PROFILE)
    assert (json.loads(encoded.body), encoded.dropped) == (wire, [])
    assert EMBED.decode_request(b'{"input":"a"}').inputs == [text_input("a")]


def test_what_no_other_format_has_is_reported() -> None:
    request = EMBED.decode_request(b'{"model":"m","input":"a","options":{"num_ctx":9},"keep_alive":0}')
    request.origin = "other"
    assert EMBED.encode_request(request, PROFILE).dropped == ["options.num_ctx", "keep_alive"]


@pytest.mark.parametrize("wrong", [b"{}", b'{"input":5}', b'{"input":[5]}', b'{"input":"a","truncate":1}', b"[]"])
def test_a_body_of_another_shape_is_refused(wrong: bytes) -> None:
    with pytest.raises(ClientError):
        EMBED.decode_request(wrong)


def foreign(**fields: Any) -> EmbeddingRequest:
    return EmbeddingRequest(**{"origin": "openai-embeddings", "inputs": [text_input("a")], "model": "m"} | fields)


@pytest.mark.parametrize(
    ("fields", "wire", "dropped"),
    [
        ({"truncate": "end"}, {"truncate": True}, []),
        ({"truncate": "none"}, {"truncate": False}, []),
        ({"truncate": "start"}, {}, ["truncate"]),
        ({"encodings": ["base64"]}, {}, []),
        ({"dimensions": 8}, {"dimensions": 8}, []),
        ({"purpose": "query", "user": "u", "title": "t"}, {}, ["purpose", "title", "user"]),
    ],
)
def test_requests_of_others_are_written(fields: dict[str, Any], wire: dict[str, Any], dropped: list[str]) -> None:
    encoded = EMBED.encode_request(foreign(**fields), PROFILE)
    assert (json.loads(encoded.body), encoded.dropped) == ({"model": "m", "input": ["a"]} | wire, dropped)


@pytest.mark.parametrize(
    "fields",
    [
        {"inputs": [EmbeddingInput(tokens=[1])]},
        {"inputs": [EmbeddingInput(parts=[Image(data="A")])]},
        {"encodings": ["int8"]},
    ],
)
def test_what_ollama_cannot_embed_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="not supported by provider ollama"):
        EMBED.encode_request(foreign(**fields), PROFILE)


ANSWER = b'{"model":"m","embeddings":[[1,0.5],[0,1]],"total_duration":9,"load_duration":1,"prompt_eval_count":8}'


def test_an_answer_has_vectors_and_counts() -> None:
    response = EMBED.decode_response(ANSWER)
    assert (response.vectors, response.usage, response.model) == ([[1, 0.5], [0, 1]], Usage(input=8), "m")
    assert json.loads(EMBED.encode_response(response).body) == json.loads(ANSWER)
    response.origin = "other"
    assert EMBED.encode_response(response).dropped == ["total_duration", "load_duration"]


def test_an_answer_says_what_it_cost() -> None:
    facts = EMBED.response_facts(ANSWER)
    assert (facts.usage, facts.model, facts.is_complete) == (Usage(input=8), "m", True)
    assert EMBED.fragment_facts(ANSWER[:20], ANSWER[30:]).usage == Usage(input=8)
    assert EMBED.fragment_facts(b"", b"").usage is None
    assert EMBED.response_facts(b'{"embeddings":[]}').usage is None
    assert EMBED.response_facts(b'{"error":"no"}').error == ErrorDetail(status=502, message="no")
    assert EMBED.decode_error(404, b'{"error":"not found"}') == ErrorDetail(status=404, message="not found")


@pytest.mark.parametrize("wrong", [b"{}", b"[]", b"<html>", b'{"embeddings":[["a"]]}', b'{"embeddings":[1]}'])
def test_an_answer_of_another_shape_is_told(wrong: bytes) -> None:
    with pytest.raises(UpstreamError):
        EMBED.response_facts(wrong)
    with pytest.raises(UpstreamError):
        EMBED.decode_response(wrong)


@given(
    st.lists(st.text(), min_size=1, max_size=4), st.none() | st.integers(1, 99), st.sampled_from([None, "none", "end"])
)
def test_what_is_encoded_is_decoded_again(texts: list[str], dimensions: int | None, truncate: Any) -> None:
    request = EmbeddingRequest(
        origin="ollama-embed",
        model="m",
        inputs=[text_input(text) for text in texts],
        dimensions=dimensions,
        truncate=truncate,
    )
    assert EMBED.decode_request(EMBED.encode_request(request, PROFILE).body) == request


def test_vectors_of_others_are_written() -> None:
    response = EmbeddingResponse(origin="openai-embeddings", model="m", vectors=[[1.0]], usage=Usage(input=3))
    assert json.loads(EMBED.encode_response(response).body) == {
        "model": "m",
        "embeddings": [[1.0]],
        "prompt_eval_count": 3,
    }
