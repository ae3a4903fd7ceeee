import json

import pytest

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.embeddings import EmbeddingRequest, text_input
from entresol.llm.format import Options, Profile
from entresol.llm.formats.gemini_embed_content import GeminiEmbedContent
from entresol.llm.formats.gemini_embeddings import GeminiEmbeddings
from entresol.llm.types import Usage

BATCH, ONE = GeminiEmbeddings(), GeminiEmbedContent()
PROFILE = Profile(provider="gemini")


@pytest.mark.parametrize("wire_format", [BATCH, ONE])
def test_the_model_stands_in_the_path(wire_format: GeminiEmbeddings | GeminiEmbedContent) -> None:
    opened = wire_format.open(b"{}", f"/v1beta/models/gemini-embedding-001:{wire_format.method}")
    assert (opened.model, opened.stream) == ("gemini-embedding-001", False)
    with pytest.raises(ClientError, match="generateContent is not supported"):
        wire_format.open(b"{}", "/v1beta/models/m:generateContent")
    tagged = wire_format.open(b"{}", f"/v1beta/models/bge-m3:567m:{wire_format.method}")
    assert tagged.model == "bge-m3:567m"  # as models of Ollama and Bedrock are called


def test_usage_is_read_where_it_is_told() -> None:
    assert ONE.response_facts(b'{"embedding": {"values": [1]}}').usage is None
    answer = b'{"embeddings": [{"values": [1]}], "usageMetadata": {"promptTokenCount": 4}}'
    assert BATCH.response_facts(answer).usage == Usage(input=4)


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"embedding": {}}', b"[]"])
def test_an_answer_without_vectors_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        BATCH.response_facts(body)
    with pytest.raises(UpstreamError):
        BATCH.decode_response(body)


def test_an_error_in_an_answer_is_seen() -> None:
    facts = ONE.response_facts(b'{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}')
    assert facts.error is not None
    assert (facts.error.status, facts.error.message) == (400, "no")


def test_tokens_and_encodings_it_has_not_are_refused() -> None:
    request = EmbeddingRequest(origin="openai-embeddings", inputs=[text_input("a")], encodings=["int8"])
    with pytest.raises(ClientError, match="encodings"):
        BATCH.encode_request(request, PROFILE)
    request.encodings, request.inputs[0].tokens = ["base64"], [1]
    with pytest.raises(ClientError, match="no tokens"):
        BATCH.encode_request(request, PROFILE)


def test_a_task_type_nobody_knows_is_refused() -> None:
    with pytest.raises(ClientError, match="taskType"):
        ONE.decode_request(b'{"content": {"parts": [{"text": "a"}]}, "taskType": "NOTHING"}')


def test_the_model_and_the_length_of_vectors_are_set_in_a_body_that_passes() -> None:
    path = "/v1beta/models/asked:embedContent"
    opened = ONE.open(b'{"content": {"parts": [{"text": "a"}]}, "model": "models/asked"}', path)
    body = json.loads(ONE.close(opened, "other", False, Options(dimensions=5), PROFILE))
    assert (body["model"], body["outputDimensionality"]) == ("models/other", 5)
