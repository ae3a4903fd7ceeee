import json

import pytest

from entresol.core.errors import ClientError
from entresol.llm.embeddings import EmbeddingRequest, EmbeddingResponse, text_input
from entresol.llm.format import Profile
from entresol.llm.formats.gemini_embed_content import GeminiEmbedContent

FORMAT = GeminiEmbedContent()
PROFILE = Profile(provider="gemini")


def test_one_input_a_call() -> None:
    request = EmbeddingRequest(origin="x", model="m", inputs=[text_input("a"), text_input("b")])
    with pytest.raises(ClientError, match="one input"):
        FORMAT.encode_request(request, PROFILE)


def test_what_it_writes_it_reads() -> None:
    request = EmbeddingRequest(origin="x", model="m", inputs=[text_input("a")], dimensions=3, purpose="clustering")
    again = FORMAT.decode_request(FORMAT.encode_request(request, PROFILE).body)
    assert (again.inputs, again.model, again.dimensions, again.purpose) == (request.inputs, "m", 3, "clustering")
    response = EmbeddingResponse(origin="x", vectors=[[1.0]])
    assert json.loads(FORMAT.encode_response(response).body) == {"embedding": {"values": [1.0]}}
