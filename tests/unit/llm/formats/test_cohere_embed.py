import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.embeddings import EmbeddingInput, EmbeddingRequest, EmbeddingResponse, text_input
from entresol.llm.format import Options, Profile, Unsupported
from entresol.llm.formats.cohere_embed import CohereEmbed
from entresol.llm.registry import format_named
from entresol.llm.types import Image, Text, Usage

EMBED = CohereEmbed()
PROFILE = Profile(provider="cohere")


def test_it_is_registered() -> None:
    assert isinstance(format_named("cohere-embed"), CohereEmbed)
    assert (EMBED.operation, EMBED.prompt_field) == ("embeddings", "")


def encoded(**fields: Any) -> tuple[Any, list[str]]:
    request = EmbeddingRequest(**{"origin": "other", "model": "m", "inputs": [text_input("a")], **fields})
    result = EMBED.encode_request(request, PROFILE)
    return json.loads(result.body), result.dropped


PLAIN = {"model": "m", "texts": ["a"], "input_type": "search_document", "embedding_types": ["float"]}
PICTURE = Image(data="QUJD", media_type="image/png")
URL = "data:image/png;base64,QUJD"


@pytest.mark.parametrize(
    ("fields", "changed", "dropped"),
    [
        ({}, {}, []),
        ({"purpose": "query"}, {"input_type": "search_query"}, []),
        ({"purpose": "code_query"}, {"input_type": "search_query"}, ["purpose"]),
        ({"purpose": "similarity"}, {"input_type": "clustering"}, ["purpose"]),
        ({"purpose": "image"}, {"input_type": "search_document"}, ["purpose"]),
        ({"encodings": ["base64", "int8"]}, {"embedding_types": ["base64", "int8"]}, []),
        ({"dimensions": 256, "truncate": "start"}, {"output_dimension": 256, "truncate": "START"}, []),
        ({"title": "t", "user": "u"}, {}, ["title", "user"]),
    ],
)
def test_requests_of_others_are_written(fields: dict[str, Any], changed: dict[str, Any], dropped: list[str]) -> None:
    assert encoded(**fields) == (PLAIN | changed, dropped)


def test_pictures_go_alone_or_with_words() -> None:
    wire, _ = encoded(inputs=[EmbeddingInput(parts=[PICTURE])])
    assert (wire["images"], wire["input_type"]) == ([URL], "image")
    wire, _ = encoded(inputs=[EmbeddingInput(parts=[PICTURE])], purpose="query")
    assert wire["inputs"] == [{"content": [{"type": "image_url", "image_url": {"url": URL}}]}]
    assert wire["input_type"] == "search_query"
    wire, _ = encoded(inputs=[EmbeddingInput(parts=[Text(text="a"), PICTURE]), text_input("b")])
    assert [[part["type"] for part in each["content"]] for each in wire["inputs"]] == [["text", "image_url"], ["text"]]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"inputs": [EmbeddingInput(tokens=[1])]}, "takes no tokens"),
        ({"inputs": [EmbeddingInput(parts=[Image(url="https://x/a.png")])]}, "inline only"),
        ({"encodings": ["float16"]}, "gives vectors as"),
    ],
)
def test_what_cannot_be_said_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(Unsupported, match=why):
        encoded(**fields)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"texts": ["a"], "images": [URL]},
        {"texts": "a"},
        {"texts": ["a"], "input_type": "query"},
        {"texts": ["a"], "truncate": "end"},
        {"texts": ["a"], "output_dimension": "8"},
        {"inputs": [{}]},
        {"inputs": [{"content": [{"type": "video"}]}]},
    ],
)
def test_a_request_of_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError):
        EMBED.decode_request(json.dumps({"model": "m"} | wrong).encode())


def test_an_operators_length_of_vectors_wins() -> None:
    body = b'{"model":"m","texts":["a"],"output_dimension":1,"future":1}'
    closed = EMBED.close(EMBED.open(body), "n", False, Options(dimensions=9), PROFILE)
    assert json.loads(closed) == {"model": "n", "texts": ["a"], "output_dimension": 9, "future": 1}


@given(
    st.lists(st.text(max_size=5), min_size=1),
    st.none() | st.sampled_from(["query", "document", "classification", "clustering"]),
    st.lists(st.sampled_from(["float", "int8", "base64"]), unique=True),
    st.none() | st.sampled_from(["none", "start", "end"]),
    st.none() | st.integers(1, 9),
)
def test_requests_come_back(texts: list[str], purpose: Any, kinds: list[str], cut: Any, size: int | None) -> None:
    request = EmbeddingRequest(origin="cohere-embed", model="m", inputs=[text_input(text) for text in texts])
    request.purpose, request.encodings, request.truncate, request.dimensions = purpose, kinds, cut, size
    request.extra = {"priority": 1}
    assert EMBED.decode_request(EMBED.encode_request(request, PROFILE).body) == request


def test_answers_come_back() -> None:
    response = EmbeddingResponse(origin="cohere-embed", id="i", vectors=[[0.5, 1.0]], usage=Usage(input=2))
    response.encoded, response.extra = {"int8": [[1, 2]]}, {"meta.warnings": ["w"]}
    assert EMBED.decode_response(EMBED.encode_response(response).body) == response


def test_a_client_gets_the_encodings_it_asked_for() -> None:
    response = EmbeddingResponse(origin="other", vectors=[[0.5, 0.25]], encoded={"int8": [[1]], "binary": [[2]]})
    asked = EmbeddingRequest(origin="cohere-embed", inputs=[text_input("a")], encodings=["base64", "int8"])
    EMBED.relate(response, asked)
    result = EMBED.encode_response(response)
    wire = json.loads(result.body)
    assert wire["embeddings"] == {"base64": ["AAAAPwAAgD4="], "int8": [[1]]}
    assert (wire["texts"], result.dropped) == (["a"], ["binary"])


@pytest.mark.parametrize(
    "wrong",
    [
        b"<html>",
        b"{}",
        b'{"embeddings":{}}',
        b'{"embeddings":{"float":[["x"]]}}',
        b'{"embeddings":{"float":[[1]],"int8":[]}}',
        b'{"embeddings":{"base64":["!"]}}',
    ],
)
def test_an_answer_of_another_shape_is_told(wrong: bytes) -> None:
    with pytest.raises(UpstreamError):
        EMBED.decode_response(wrong)


def test_facts_are_read_from_meta() -> None:
    body = b'{"id":"i","embeddings":{"float":[[1]]},"meta":{"billed_units":{"input_tokens":3}}}'
    facts = EMBED.response_facts(body)
    assert (facts.usage, facts.response_id) == (Usage(input=3), "i")
    assert EMBED.response_facts(b'{"message":"broken"}').error is not None
