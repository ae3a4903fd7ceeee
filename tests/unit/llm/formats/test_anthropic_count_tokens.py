import msgspec
import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import NO_OPTIONS, Options, Profile
from entresol.llm.formats.anthropic_count_tokens import AnthropicCountTokens

FORMAT = AnthropicCountTokens()
BODY = b'{"model":"alias","messages":[{"role":"user","content":"x"}],"odd":1}'
VERTEX = Profile(provider="vertex", body_version="vertex-2023-10-16", has_model_in_body=False)


def test_a_call_passes_with_the_model_set() -> None:
    body = FORMAT.close(FORMAT.open(BODY), "claude-x", False, NO_OPTIONS, Profile(provider="anthropic"))
    assert body == b'{"model":"claude-x","messages":[{"role":"user","content":"x"}],"odd":1}'


def test_what_the_operator_sets_for_answers_is_not_counted() -> None:
    body = FORMAT.close(
        FORMAT.open(BODY), "alias", False, Options(max_tokens=5, top_k=1), Profile(provider="anthropic")
    )
    assert msgspec.json.decode(body) == msgspec.json.decode(BODY)


def test_at_vertex_the_model_stays_in_the_body_and_the_version_joins_it() -> None:
    passed = msgspec.json.decode(FORMAT.close(FORMAT.open(BODY), "claude-x", False, NO_OPTIONS, VERTEX))
    assert (passed["model"], passed["anthropic_version"]) == ("claude-x", "vertex-2023-10-16")
    request = FORMAT.decode_request(BODY)
    request.model = "claude-x"
    written = msgspec.json.decode(FORMAT.encode_request(request, VERTEX).body)
    assert (written["model"], written["anthropic_version"]) == ("claude-x", "vertex-2023-10-16")


def test_a_version_that_the_client_names_stays() -> None:
    body = BODY[:-1] + b',"anthropic_version":"mine"}'
    passed = msgspec.json.decode(FORMAT.close(FORMAT.open(body), "claude-x", False, NO_OPTIONS, VERTEX))
    assert passed["anthropic_version"] == "mine"
    assert "anthropic_version" not in FORMAT.decode_request(body).extra


def test_it_never_streams() -> None:
    assert FORMAT.open(BODY[:-1] + b',"stream":true}').stream is False


def test_a_request_that_is_none_is_refused() -> None:
    with pytest.raises(ClientError, match="messages"):
        FORMAT.decode_request(b'{"model":"x"}')
