import json
from pathlib import Path
from typing import Any

import pytest

from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_META, AI_PAYLOAD, AI_USAGE, AiMeta, AiPayload
from entresol.api_floor.entities import Service
from entresol.api_floor.plan import CompiledService
from entresol.core.errors import ConfigError, GatewayError, UpstreamError
from entresol.core.http import HeaderPairs, Headers, Origin, ResponseHead, Timeouts, TlsClient, UpstreamRequest
from entresol.core.secret import Secret
from entresol.llm.cloud_credentials import BearerToken
from entresol.llm.model_config import AuthConfig, ModelOptions
from entresol.llm.price_overrides import read_overrides
from entresol.llm.price_table import PriceTable, price_table
from entresol.plugins.ai_proxy import AiProxy
from playbooks.harness import Gateway, Reply

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]
JSON = [(b"content-type", b"application/json")]
SSE = [(b"content-type", b"text/event-stream")]
COMPLETION: dict[str, Any] = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
}
MESSAGE: dict[str, Any] = {
    "id": "msg",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-6",
    "content": [{"type": "text", "text": "pong"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1000, "output_tokens": 100},
}
AUTH = {"header_name": "Authorization", "header_value": "Bearer sk-provider-key"}


def config(provider: str = "openai", **changes: Any) -> dict[str, Any]:
    """A valid configuration. `options` and `model` are merged in, other fields replace."""
    model: dict[str, Any] = {"provider": provider, "name": "gpt-4o", "options": {"upstream_url": "http://mock.test:9"}}
    if provider == "anthropic":
        model["options"]["anthropic_version"] = "2023-06-01"
    model["options"] |= changes.pop("options", {})
    model |= changes.pop("model", {})
    return {"route_type": "llm/v1/chat", "auth": AUTH, "model": model, **changes}


def answers(body: Any, status: int = 200, headers: HeaderPairs = JSON) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda request, sent: (status, headers, data)


def gateway(
    raw: dict[str, Any] | None = None, body: Any = COMPLETION, status: int = 200, headers: HeaderPairs = JSON
) -> Gateway:
    return Gateway((AiProxy, raw or config()), upstream=answers(body, status, headers))


def chat(made: Gateway, path: str = "/chat", headers: HeaderPairs | None = None, **wire: Any) -> Reply:
    return made.chat({"messages": HELLO, **wire}, path, headers)


def error_of(reply: Reply) -> dict[str, Any]:
    error = reply.json["error"]
    assert isinstance(error, dict)
    return error


class StreamedUpstream:
    """A transport whose answers come in pieces; a GatewayError among them breaks off."""

    def __init__(self, *pieces: bytes | GatewayError, headers: HeaderPairs = SSE) -> None:
        self.pieces = pieces
        self.headers = headers
        self.calls: list[Any] = []
        self.sent_body = b""

    def send(self, request: UpstreamRequest, body: bytes, last: bool, receiver: Any) -> "StreamedUpstream":
        self.sent_body = body
        self.calls.append(self)
        self.receiver = receiver
        return self

    def deliver(self) -> None:
        self.receiver.on_response_head(ResponseHead(200, Headers(list(self.headers))))
        for at, piece in enumerate(self.pieces):
            if isinstance(piece, GatewayError):
                self.receiver.on_upstream_error(piece)
                return
            self.receiver.on_response_body(piece, at + 1 == len(self.pieces), [])

    def cancel(self) -> None:
        self.pieces = ()


def streamed(raw: dict[str, Any], *pieces: bytes | GatewayError, **wire: Any) -> tuple[Reply, StreamedUpstream]:
    made = Gateway((AiProxy, raw))
    upstream = StreamedUpstream(*pieces)
    made.floor.transport = upstream  # type: ignore[assignment]  # pause and resume are not needed here
    body = json.dumps({"messages": HELLO, "stream": True, **wire}).encode()
    reply, path = made._begin("POST", "/chat", JSON, body)
    if upstream.calls:
        upstream.deliver()
    reply.exchange = path.exchange
    return reply, upstream


# The request.


def test_the_call_goes_to_the_model_instead_of_the_service() -> None:
    reply = chat(gateway(), temperature=0.5)
    assert reply.sent is not None
    assert (reply.sent.origin, reply.sent.host) == (Origin("http", "mock.test", 9), "mock.test:9")
    assert (reply.sent.method, reply.sent.target) == ("POST", "/v1/chat/completions")
    assert json.loads(reply.sent_body) == {"model": "gpt-4o", "messages": HELLO, "temperature": 0.5}
    assert reply.sent.headers.get(b"authorization") == b"Bearer sk-provider-key"
    assert reply.sent.headers.get(b"accept-encoding") == b"identity"


@pytest.mark.parametrize("space", [b"", b" "])
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_body_that_is_not_utf8_is_refused(provider: str, space: bytes) -> None:
    body = b'{"messages":%b[{"role":"user","content":"gr\xfc\xdfe"}]}' % space
    reply = gateway(config(provider)).call("POST", "/chat", JSON, body)
    assert (reply.status, error_of(reply)["code"], reply.sent) == (400, "bad_json", None)


def test_one_object_stands_for_a_list_on_geminis_routes() -> None:
    wire = {"contents": {"parts": {"text": "hi"}}, "system_instruction": {"parts": {"text": "be brief"}}}
    answer = {"candidates": [{"content": {"parts": [{"text": "pong"}]}, "finishReason": "STOP"}]}
    for provider, body in (("gemini", answer), ("anthropic", MESSAGE), ("openai", COMPLETION)):
        reply = gateway(config(provider, llm_format="gemini"), body).chat(wire, "/models/gpt-4o:generateContent")
        assert (reply.status, reply.json["candidates"][0]["finishReason"]) == (200, "STOP")
        assert (b'"hi"' in reply.sent_body, b'"be brief"' in reply.sent_body) == (True, True)


def test_without_upstream_url_the_provider_is_called_over_tls() -> None:
    reply = chat(gateway(config(options={"upstream_url": None})))
    assert reply.sent is not None
    assert reply.sent.origin == Origin("https", "api.openai.com", 443)


@pytest.mark.parametrize(
    ("provider", "target"),
    [
        ("openai", "/v1/chat/completions"),
        ("openai-compatible", "/v1/chat/completions"),
        ("anthropic", "/v1/messages"),
        ("gemini", "/v1beta/models/gpt-4o:generateContent"),
    ],
)
def test_each_provider_has_its_path(provider: str, target: str) -> None:
    reply = chat(gateway(config(provider)))
    assert reply.sent is not None
    assert reply.sent.target == target


def test_a_call_to_anthropic_names_the_version_of_the_api() -> None:
    reply = chat(gateway(config("anthropic", options={"anthropic_version": "2026-10-21"})))
    assert reply.sent is not None
    assert reply.sent.headers.get_all(b"anthropic-version") == [b"2026-10-21"]


def test_a_native_client_keeps_its_own_version_and_betas() -> None:
    made = gateway(config("anthropic", llm_format="anthropic"), MESSAGE)
    headers = [(b"anthropic-version", b"2099-01-01"), (b"anthropic-beta", b"x"), (b"x-api-key", b"gateway")]
    reply = chat(made, "/v1/messages?beta=true", headers, max_tokens=5)
    assert reply.sent is not None
    assert reply.sent.headers.get_all(b"anthropic-version") == [b"2099-01-01"]
    assert reply.sent.headers.get(b"anthropic-beta") == b"x"
    assert b"x-api-key" not in reply.sent.headers
    assert reply.sent.target == "/v1/messages?beta=true"
    assert reply.json == MESSAGE


@pytest.mark.parametrize(
    ("said", "sent"), [([], b"2023-06-01"), ([(b"anthropic-version", b"2099-01-01")], b"2099-01-01")]
)
def test_a_version_of_the_api_is_named_once_in_every_cloud(said: HeaderPairs, sent: bytes) -> None:
    raw = config("azure", llm_format="anthropic", model={"name": "claude-sonnet-4-6"}, options={"azure_instance": "x"})
    reply = chat(gateway(raw, MESSAGE), "/v1/messages", said, max_tokens=5)
    assert reply.sent is not None
    assert reply.sent.headers.get_all(b"anthropic-version") == [sent]


def test_header_fields_that_the_operator_sets_are_sent_once() -> None:
    raw = config("huggingface", options={"huggingface": {"use_cache": False, "wait_for_model": True}})
    reply = chat(gateway(raw), headers=[(b"x-use-cache", b"true"), (b"x-wait-for-model", b"false")])
    assert reply.sent is not None
    assert reply.sent.headers.get_all(b"x-use-cache") == [b"false"]
    assert reply.sent.headers.get_all(b"x-wait-for-model") == [b"true"]


OPTIMIZED = {"bedrock": {"aws_region": "eu-central-1", "performance_config_latency": "optimized"}}


@pytest.mark.parametrize(
    ("llm_format", "wire"),
    [("openai", {}), ("bedrock", {}), ("openai", {"performanceConfig": {"latency": "standard"}})],
)
def test_bedrocks_latency_is_what_the_operator_says(llm_format: str, wire: dict[str, Any]) -> None:
    messages = [{"role": "user", "content": [{"text": "hi"}]}] if llm_format == "bedrock" else HELLO
    raw = config("bedrock", llm_format=llm_format, options=OPTIMIZED)
    reply = chat(gateway(raw), "/model/gpt-4o/converse", messages=messages, **wire)
    assert json.loads(reply.sent_body)["performanceConfig"] == {"latency": "optimized"}
    assert reply.header("x-entresol-dropped") is None


def test_bedrocks_latency_is_a_field_of_the_head_of_an_invocation() -> None:
    raw, name = config("bedrock", llm_format="bedrock", options=OPTIMIZED), b"x-amzn-bedrock-performanceconfig-latency"
    reply = chat(gateway(raw, MESSAGE), "/model/gpt-4o/invoke", [(name, b"standard")])
    assert reply.sent is not None
    assert reply.sent.headers.get_all(name) == [b"optimized"]


@pytest.mark.parametrize(
    ("provider", "model", "options", "sent"),
    [
        ("bedrock", "amazon.titan-embed-text-v2:0", {"bedrock": {"embeddings_normalize": True}},
         {"inputText": "a", "dimensions": 256, "normalize": True}),
        ("bedrock", "amazon.titan-embed-text-v2:0", {"bedrock": {"aws_region": "us-east-1"}},
         {"inputText": "a", "dimensions": 256}),
        ("cohere", "embed-v4.0", {"cohere": {"embedding_input_type": "clustering"}},
         {"model": "embed-v4.0", "texts": ["a"], "input_type": "clustering", "embedding_types": ["float"],
          "output_dimension": 256}),
        ("cohere", "embed-v4.0", {"bedrock": {"embeddings_normalize": True}},
         {"model": "embed-v4.0", "texts": ["a"], "input_type": "search_document", "embedding_types": ["float"],
          "output_dimension": 256}),
    ],
)  # fmt: skip
def test_vectors_are_made_as_the_operator_says(
    provider: str, model: str, options: dict[str, Any], sent: dict[str, Any]
) -> None:
    changes = {"embeddings_dimensions": 256, **options}
    raw = config(provider, route_type="llm/v1/embeddings", model={"name": model}, options=changes)
    reply = gateway(raw).chat({"input": "a"}, "/v1/embeddings")
    assert json.loads(reply.sent_body) == sent


def test_the_clients_key_never_reaches_the_provider() -> None:
    reply = chat(gateway(), "/chat?key=gateway", [(b"authorization", b"Bearer gateway"), (b"x-api-key", b"gateway")])
    assert reply.sent is not None
    assert b"gateway" not in b"".join(value for _, value in reply.sent.headers if value != b"gateway.test:8000")
    assert "gateway" not in reply.sent.target


def test_a_route_without_a_service_needs_none() -> None:
    made = gateway()
    route = type(made.route)(made.route.entity, None)
    made.route = route
    reply = chat(made, headers=[(b"x-mine", b"1"), (b"te", b"trailers")])
    assert reply.status == 200
    assert reply.sent is not None
    assert reply.sent.headers.get(b"x-mine") == b"1"
    assert b"te" not in reply.sent.headers


@pytest.mark.parametrize(
    ("name", "path", "headers"),
    [("$(query_params.m)", "/chat?m=mini", []), ("$(headers.x-model)", "/chat", [(b"x-model", b"mini")])],
)
def test_the_model_may_come_from_the_request(name: str, path: str, headers: HeaderPairs) -> None:
    assert json.loads(chat(gateway(config(model={"name": name})), path, headers).sent_body)["model"] == "mini"


def test_the_request_may_say_which_deployment_at_azure() -> None:
    options = {"azure_instance": "$(headers.x-team)", "azure_deployment_id": "$(headers.x-to)", "upstream_url": None}
    made = gateway(config("azure", model={"name": "$(headers.x-to)"}, options=options))
    for team, to in (("blue", "gpt-4o"), ("red", "gpt-5.5"), ("blue", "gpt-4o")):
        reply = chat(made, headers=[(b"x-team", team.encode()), (b"x-to", to.encode())])
        assert reply.sent is not None
        path = f"/openai/deployments/{to}/chat/completions?api-version=2023-05-15"
        assert (reply.sent.host, reply.sent.target) == (f"{team}.openai.azure.com", path)
    reply = chat(made, headers=[(b"x-team", b"evil.test"), (b"x-to", b"gpt-4o")])
    assert (reply.status, error_of(reply)["code"], reply.sent) == (400, "bad_request", None)


def test_a_template_value_that_is_missing_is_named() -> None:
    reply = chat(gateway(config(model={"name": "$(uri_captures.m)"})))
    assert (reply.status, error_of(reply)["message"]) == (400, "uri_captures key m was not provided")
    assert reply.header("x-entresol-error") == "template_value_missing"


REFUSED: list[tuple[Any, int, str, str]] = [
    (b"", 400, "bad_json", "content-type header does not match request body, or bad JSON formatting"),
    (b"{", 400, "bad_json", "content-type header does not match request body, or bad JSON formatting"),
    (b"[" * 100_000, 400, "bad_json", "content-type header does not match request body, or bad JSON formatting"),
    (b'{"messages":' + b"[" * 100_000, 400, "bad_json", "the request body is nested too deeply"),
    ({}, 400, "prompt_missing", "request body doesn't contain valid prompts"),
    ({"messages": HELLO, "model": "o1"}, 400, "model_not_allowed", "cannot use own model - must be: gpt-4o"),
    ({"messages": HELLO, "prompt": "x"}, 400, "ambiguous_format", "request matches multiple LLM request formats"),
    ({"messages": HELLO, "model": 5}, 400, "bad_request", "model: Expected `str | null`, got `int`"),
]


@pytest.mark.parametrize(("body", "status", "code", "message"), REFUSED)
def test_a_bad_request_is_refused_in_kongs_words_and_openais_form(
    body: Any, status: int, code: str, message: str
) -> None:
    reply = gateway().chat(body)
    assert (reply.status, error_of(reply)["code"], error_of(reply)["message"]) == (status, code, message)
    assert (reply.json["message"], reply.json["request_id"]) == (message, reply.exchange.request_id)
    assert reply.sent is None


@pytest.mark.parametrize("content_type", [b"text/plain", b"application/x-www-form-urlencoded", None])
def test_a_body_that_does_not_claim_to_be_json_is_refused(content_type: bytes | None) -> None:
    headers = [] if content_type is None else [(b"content-type", content_type)]
    reply = gateway().call("POST", "/chat", headers, json.dumps({"messages": HELLO}).encode())
    assert (reply.status, reply.header("x-entresol-error")) == (400, "bad_json")


@pytest.mark.parametrize("action", ["converse", "invoke"])
def test_a_body_of_bedrocks_clients_needs_no_content_type(action: str) -> None:
    raw = config("bedrock", llm_format="bedrock", model={"name": "anthropic.claude-3-haiku"})
    path, wire = f"/model/anthropic.claude-3-haiku/{action}", {"messages": HELLO, "max_tokens": 9}
    converse = {"output": {"message": {"role": "assistant", "content": []}}}
    made = gateway(raw, MESSAGE if action == "invoke" else converse)
    body = json.dumps(wire).encode()
    reply = made.call("POST", path, [], body)
    assert reply.status == 200
    assert reply.sent is not None
    assert reply.sent.headers.get(b"content-type") == b"application/json"
    reply = made.call("POST", path, [(b"content-type", b"text/plain")], body)
    assert (reply.status, reply.sent) == (400, None)


def test_a_media_type_may_be_written_in_capitals() -> None:
    assert chat(gateway(), headers=[(b"content-type", b"Application/JSON; charset=UTF-8")]).status == 200


def test_a_body_over_the_limit_is_refused() -> None:
    reply = chat(gateway(config(max_request_body_size=100)), padding="x" * 200)
    assert (reply.status, error_of(reply)["code"]) == (413, "request_too_large")
    assert chat(gateway(config(max_request_body_size=0)), padding="x" * 2_000_000).status == 200


def test_the_alias_stands_for_the_model() -> None:
    made = gateway(config(model={"model_alias": "smart"}))
    assert json.loads(chat(made, model="smart").sent_body)["model"] == "gpt-4o"


def test_a_route_without_a_model_takes_the_clients() -> None:
    made = gateway(config(model={"name": None}))
    assert json.loads(chat(made, model="mine").sent_body)["model"] == "mine"
    assert error_of(chat(made))["message"] == "model parameter not found in request, nor in gateway configuration"


def test_what_is_kept_of_one_call_fits_the_next_only_if_nothing_differs() -> None:
    made = gateway(config("anthropic", model={"name": None}, llm_format="anthropic"), MESSAGE)
    calls = [("a", False, ""), ("b", False, ""), ("a", True, ""), ("a", False, "?beta=true"), ("a", False, "")]
    for model, stream, query in calls:
        reply = chat(made, "/v1/messages" + query, model=model, stream=stream, max_tokens=5)
        assert reply.sent is not None
        assert (json.loads(reply.sent_body)["model"], reply.sent.target) == (model, "/v1/messages" + query)
        assert reply.header("x-entresol-llm-model") == f"anthropic/{model}"


def test_the_service_of_each_route_keeps_its_say_on_tls() -> None:
    made = gateway(config(options={"upstream_url": "https://mock.test"}))
    for verify in (True, False, True):
        origin = Origin("https", "service.test", 443, TlsClient(verify=verify))
        service = CompiledService(Service(id="s", host="service.test"), origin, "/", Timeouts())
        made.route = type(made.route)(made.route.entity, service)
        reply = chat(made)
        assert reply.sent is not None
        assert reply.sent.origin == Origin("https", "mock.test", 443, TlsClient(verify=verify))


@pytest.mark.parametrize(
    ("mode", "asked", "status", "sent"),
    [("always", False, 200, True), ("deny", False, 200, None), ("deny", True, 400, None)],
)
def test_streaming_is_the_operators_decision(mode: str, asked: bool, status: int, sent: bool | None) -> None:
    reply = chat(gateway(config(response_streaming=mode)), stream=asked)
    assert reply.status == status
    if reply.sent is not None:
        assert json.loads(reply.sent_body).get("stream") in (sent, False)
    else:
        assert error_of(reply)["message"] == "response streaming is not enabled for this LLM"


def test_the_operators_options_win_over_the_clients() -> None:
    made = gateway(config(options={"temperature": 0.1, "max_tokens": 5}))
    body = json.loads(chat(made, temperature=2, max_tokens=900).sent_body)
    assert (body["temperature"], body["max_completion_tokens"], "max_tokens" in body) == (0.1, 5, False)


def test_a_key_in_the_query_or_the_body() -> None:
    query = {"param_name": "key", "param_value": "k&y", "param_location": "query"}
    body = {"param_name": "token", "param_value": "t", "param_location": "body"}
    first, second = chat(gateway(config(auth=query))), chat(gateway(config(auth=body)))
    assert first.sent is not None
    assert first.sent.target == "/v1/chat/completions?key=k%26y"
    assert json.loads(second.sent_body)["token"] == "t"


def test_a_secret_without_a_value_fails_the_call_and_says_which() -> None:
    missing = Secret(None, "Bearer {vault://env/none}", ("{vault://env/none}",))
    reply = chat(gateway(config(auth={"header_name": "Authorization", "header_value": missing})))
    assert (reply.status, error_of(reply)["code"]) == (503, "secret_unresolved")
    assert "vault://env/none" in error_of(reply)["message"]


# The answer.


def test_an_answer_of_the_same_format_passes_byte_for_byte() -> None:
    body = json.dumps(COMPLETION, indent=3).encode()
    reply = chat(gateway(body=body, headers=[*JSON, (b"set-cookie", b"a=b"), (b"x-request-id", b"req")]))
    assert (reply.status, reply.body) == (200, body)
    assert reply.header("x-entresol-llm-model") == "openai/gpt-4o"
    assert reply.header("x-request-id") == "req"
    assert reply.header("set-cookie") is None


def test_the_model_header_can_be_left_out() -> None:
    assert chat(gateway(config(model_name_header=False))).header("x-entresol-llm-model") is None


def test_an_answer_of_another_format_is_translated_and_losses_are_told() -> None:
    reply = chat(gateway(config("anthropic"), MESSAGE), seed=5)
    assert reply.json["choices"][0]["message"]["content"] == "pong"
    assert reply.json["choices"][0]["finish_reason"] == "stop"
    assert reply.header("x-entresol-dropped") == "seed"
    assert reply.header("x-entresol-llm-model") == "anthropic/gpt-4o"


def test_a_field_of_an_answer_that_says_nothing_is_no_loss() -> None:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "pong",
        "refusal": None,
        "annotations": [],
        "audio": None,
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop", "content_filter_results": None}
    body = {**COMPLETION, "choices": [choice], "system_fingerprint": None}
    reply = chat(gateway(config(llm_format="anthropic"), body), "/v1/messages", max_tokens=5)
    assert (reply.status, reply.header("x-entresol-dropped")) == (200, None)


@pytest.mark.parametrize(
    ("provider", "llm_format", "path", "wire", "message"),
    [
        ("anthropic", "cohere", "/v2/embed", {"texts": ["a"]}, "provider anthropic has no embeddings, only: chat"),
        ("gemini", "cohere", "/v2/rerank", {"query": "a", "documents": []}, "provider gemini has no rerank, only: "),
        ("anthropic", "ollama", "/api/embed", {"input": "a"}, "provider anthropic has no embeddings, only: chat"),
        ("anthropic", "gemini", "/v1beta/models/gpt-4o:embedContent", {"content": {}}, "provider anthropic has no emb"),
        (
            "openai", "bedrock", "/model/gpt-4o/invoke", {"messages": HELLO},
            "provider openai does not speak bedrock-invoke, whose bodies are a model's own and are not translated: "
            "call converse instead",
        ),
    ],
)  # fmt: skip
def test_a_call_beside_chat_that_the_provider_has_not_is_refused_with_the_reason(
    provider: str, llm_format: str, path: str, wire: dict[str, Any], message: str
) -> None:
    reply = gateway(config(provider, llm_format=llm_format)).chat(wire, path)
    assert (reply.status, reply.header("x-entresol-error"), reply.sent) == (400, "unsupported_by_provider", None)
    assert reply.json["message"].startswith(message)


def test_what_cannot_be_left_out_is_refused() -> None:
    reply = chat(gateway(config("anthropic"), MESSAGE), modalities=["audio"])
    assert (reply.status, error_of(reply)["code"]) == (400, "unsupported_by_model")


def test_a_name_the_client_made_up_cannot_add_a_header() -> None:
    reply = gateway(config("anthropic"), MESSAGE).chat({"messages": HELLO, "x\r\nset-cookie: a": 1})
    assert reply.header("x-entresol-dropped") == "x??set-cookie: a"


@pytest.mark.parametrize("body", [b"<html>", b"", b"{}", b'{"choices":', b"[" * 5_000])
@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini"])
def test_garbage_from_the_provider_is_a_bad_gateway_in_the_clients_format(provider: str, body: bytes) -> None:
    reply = chat(gateway(config(provider), body))
    assert (reply.status, error_of(reply)["code"]) == (502, "provider_bad_response")


@pytest.mark.parametrize("content_type", [b"text/html", b"text/event-stream"])
def test_an_answer_of_another_kind_is_a_bad_gateway(content_type: bytes) -> None:
    reply = chat(gateway(headers=[(b"content-type", content_type)]))
    assert (reply.status, error_of(reply)["code"]) == (502, "provider_bad_response")


def test_a_providers_error_is_told_in_the_clients_format() -> None:
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}, "request_id": "req_1"}
    reply = chat(gateway(config("anthropic"), body, 429, [*JSON, (b"retry-after", b"7")]))
    assert (reply.status, reply.header("retry-after"), reply.header("x-entresol-error")) == (429, "7", "provider_error")
    assert (error_of(reply)["type"], error_of(reply)["message"]) == ("rate_limit_error", "slow down")
    assert reply.json["request_id"] == reply.exchange.request_id


@pytest.mark.parametrize("body", [b"upstream connect error", b"<html>", b""])
def test_what_a_proxy_wrote_becomes_an_error_in_the_clients_format(body: bytes) -> None:
    reply = chat(gateway(config(), body, 503, [(b"content-type", b"text/plain"), (b"retry-after", b"7")]))
    assert (reply.status, reply.header("retry-after")) == (503, "7")
    assert error_of(reply)["message"] == "the provider answered with status 503"
    assert reply.header("content-type") == "application/json; charset=utf-8"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_provider_that_repeats_the_key_does_not_give_it_away(provider: str) -> None:
    body = {"type": "error", "error": {"type": "x", "message": "bad key sk-provider-key"}}
    reply = chat(gateway(config(provider), body, 400))
    assert b"sk-provider-key" not in reply.body
    assert "***" in error_of(reply)["message"]


CHALLENGE = [*JSON, (b"www-authenticate", b"Bearer"), (b"x-request-id", b"req")]


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("llm_format", ["openai", "anthropic"])
def test_a_credential_of_the_gateways_that_is_refused_is_not_the_clients_fault(
    llm_format: str, provider: str, stream: bool, status: int
) -> None:
    body = {"error": {"message": "Incorrect API key provided: sk-pro***key", "type": "authentication_error"}}
    made = gateway(config(provider, llm_format=llm_format), body, status, CHALLENGE)
    reply = chat(made, stream=stream, max_tokens=5)
    assert (reply.status, reply.header("x-entresol-error")) == (502, "provider_credential_refused")
    assert reply.header("www-authenticate") is None
    assert reply.json.get("type") == ("error" if llm_format == "anthropic" else None)
    assert error_of(reply)["message"] == f"the provider refused the gateway's credential, with status {status}"
    assert "sk-pro" not in reply.body.decode()
    assert (reply.exchange.upstream_status, str(reply.exchange.error).partition(":")[0]) == (
        status, "provider_credential_refused",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("auth", "path", "headers", "wire"),
    [
        ({}, "/chat", [(b"authorization", b"Bearer theirs")], {}),
        (AUTH | {"allow_override": True}, "/chat", [(b"authorization", b"Bearer theirs")], {}),
        ({"param_name": "key", "param_value": "ours", "param_location": "query", "allow_override": True},
         "/chat?key=theirs", [], {}),
        ({"param_name": "key", "param_value": "ours", "param_location": "body", "allow_override": True},
         "/chat", [], {"key": "theirs"}),
    ],
)  # fmt: skip
def test_a_credential_of_the_clients_that_is_refused_is_told_as_it_is(
    auth: dict[str, Any], path: str, headers: HeaderPairs, wire: dict[str, Any]
) -> None:
    body = {"error": {"message": "Incorrect API key provided", "type": "invalid_request_error"}}
    reply = chat(gateway(config(auth=auth), body, 401, CHALLENGE), path, headers, **wire)
    assert (reply.status, reply.header("x-entresol-error"), reply.header("www-authenticate")) == (
        401, "provider_error", "Bearer",
    )  # fmt: skip
    assert error_of(reply)["message"] == "Incorrect API key provided"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_key_that_an_answer_or_a_stream_repeats_stays_hidden(provider: str) -> None:
    error = {"type": "error", "error": {"type": "x", "message": "bad key sk-provider-key"}}
    reply = chat(gateway(config(provider), error))
    assert (reply.status, error_of(reply)["message"]) == (502, "bad key ***")
    assert "sk-provider-key" not in str(reply.exchange.error)
    event = b"event: error\ndata: %b\n\n" % json.dumps(error).encode()
    reply, _ = streamed(config(provider), event, b"")
    assert b"bad key ***" in reply.body
    assert b"sk-provider-key" not in reply.body
    assert str(reply.exchange.error) == "provider_error: bad key ***"


@pytest.mark.parametrize(
    ("llm_format", "path", "wire"),
    [
        ("openai", "/chat", {"messages": HELLO}),
        ("anthropic", "/v1/messages", {"messages": HELLO, "max_tokens": 5}),
        ("gemini", "/v1beta/models/gpt-4o:generateContent", {"contents": [{"parts": [{"text": "x"}]}]}),
    ],
)
def test_a_provider_that_is_down_is_told_in_every_clients_format(llm_format: str, path: str, wire: Any) -> None:
    down = UpstreamError("upstream_connect_timeout", "no connection", status=504)
    made = Gateway((AiProxy, config(llm_format=llm_format)), upstream=lambda request, body: down)
    reply = made.chat(wire, path)
    assert (reply.status, reply.json["message"], reply.header("x-entresol-error")) == (
        504, "no connection", "upstream_connect_timeout",
    )  # fmt: skip
    assert error_of(reply)["message"] == "no connection"


# Streams.

GOLDEN = Path(__file__).parents[2] / "golden" / "openai_chat"
PLAIN = (GOLDEN / "plain.sse").read_bytes()
EVENTS = [event + b"\n\n" for event in PLAIN.removesuffix(b"\n\n").split(b"\n\n")]


def test_a_stream_of_the_same_format_passes_byte_for_byte() -> None:
    reply, upstream = streamed(config(), *EVENTS, stream_options={"include_usage": True})
    assert reply.body == PLAIN
    assert json.loads(upstream.sent_body)["stream_options"] == {"include_usage": True}
    assert reply.exchange[AI_USAGE].prompt_tokens == 120


def test_usage_is_counted_and_hidden_from_a_client_that_did_not_ask() -> None:
    reply, upstream = streamed(config(), *EVENTS)
    assert json.loads(upstream.sent_body)["stream_options"] == {"include_usage": True}
    assert reply.body == PLAIN.replace(EVENTS[-2], b"")
    assert reply.exchange[AI_USAGE].prompt_tokens == 120


def test_a_stream_of_another_format_is_translated() -> None:
    reply, _ = streamed(config(llm_format="anthropic"), *EVENTS, max_tokens=5)
    assert reply.header("content-type") == "text/event-stream"
    assert reply.body.startswith(b"event: message_start")
    assert reply.body.endswith(b'data: {"type":"message_stop"}\n\n')
    assert reply.exchange[AI_USAGE].completion_tokens == 30


@pytest.mark.parametrize("llm_format", ["openai", "anthropic"])
def test_a_stream_that_is_reset_ends_with_an_error_in_the_clients_format(llm_format: str) -> None:
    reset = UpstreamError("upstream_reset", "the upstream broke off")
    reply, _ = streamed(config(llm_format=llm_format), EVENTS[0], EVENTS[1], EVENTS[2][:30], reset, max_tokens=5)
    last = reply.body.strip().split(b"\n\n")[-1].split(b"data: ", 1)[1]
    assert (json.loads(last)["message"], reply.is_finished) == ("the upstream broke off", True)
    assert b"[DONE]" not in reply.body
    assert reply.exchange.error is reset


@pytest.mark.parametrize("llm_format", ["openai", "anthropic"])
def test_a_stream_that_just_stops_is_no_success(llm_format: str) -> None:
    reply, _ = streamed(config(llm_format=llm_format), EVENTS[0], EVENTS[1], b"", max_tokens=5)
    assert b"provider_stream_cut" in reply.body
    assert reply.exchange.error is not None
    assert reply.exchange.error.code == "provider_error"


def test_garbage_in_a_translated_stream_ends_it_with_an_error() -> None:
    reply, _ = streamed(config(llm_format="anthropic"), EVENTS[0], EVENTS[1], b"data: {\n\n", EVENTS[2], max_tokens=5)
    assert b"provider_bad_response" in reply.body
    assert (b"message_stop" in reply.body, reply.is_finished) == (False, True)


def test_an_error_event_passes_and_is_recorded() -> None:
    failed = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
    reply, _ = streamed(config(), EVENTS[0], failed)
    assert reply.body == EVENTS[0] + failed
    assert reply.exchange.error is not None
    assert reply.exchange.error.message == "overloaded"


def test_a_stream_that_is_refused_is_a_plain_answer() -> None:
    body = {"error": {"message": "no", "type": "invalid_request_error"}}
    reply = chat(gateway(config(llm_format="anthropic"), body, 400), stream=True, max_tokens=5)
    assert (reply.status, reply.json["type"], error_of(reply)["message"]) == (400, "error", "no")


# The account.


def test_the_call_is_accounted_for() -> None:
    exchange = chat(gateway()).exchange
    assert exchange[AI_META] == AiMeta(
        plugin_id="00000000-0000-4000-8000-000000000000", provider="openai", request_model="gpt-4o",
        response_model="gpt-4o-2024-08-06", llm_latency_ms=0, request_mode="oneshot",
    )  # fmt: skip
    usage = exchange[AI_USAGE]
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (1000, 100, 1100)
    assert usage.cost == 0.0035
    assert exchange[AI_LOG_STATISTICS] is False


def test_the_operators_prices_win() -> None:
    exchange = chat(gateway(config(options={"input_cost": 1.0, "output_cost": 10.0}))).exchange
    assert exchange[AI_USAGE].cost == 0.002


def test_the_operators_file_of_prices_wins_over_the_table() -> None:
    own = read_overrides({"prices": [{"provider": "openai", "model": "gpt-4o*", "input": 1, "output": 10}]})
    assert isinstance(own, PriceTable)
    made = Gateway((AiProxy, config()), upstream=answers(COMPLETION), prices=price_table().overridden(own))
    usage = chat(made).exchange[AI_USAGE]
    assert (usage.cost, usage.price_version) == (0.002, own.version)
    assert own.row_named(usage.price_id or "") is not None


def test_what_the_model_refuses_is_left_out_of_translated_calls_and_told() -> None:
    bodies: list[bytes] = []

    def upstream(request: UpstreamRequest, body: bytes) -> Any:
        bodies.append(body)
        return answers(MESSAGE)(request, body)

    raw = config("anthropic", model={"name": "claude-opus-4-7"})
    reply = chat(Gateway((AiProxy, raw), upstream=upstream), temperature=0.5, max_tokens=999_999)
    assert reply.header("x-entresol-dropped") == "temperature, max_tokens"
    sent = json.loads(bodies[0])
    assert (sent["max_tokens"], "temperature" in sent) == (128_000, False)


def test_the_operators_facts_about_a_model_win() -> None:
    own = {"refused": [], "max_output": 50, "input": ["text"]}
    made = gateway(config("anthropic", model={"name": "claude-opus-4-7", "profile": own}), MESSAGE)
    reply = chat(made, temperature=0.5, max_tokens=60)
    assert reply.header("x-entresol-dropped") == "max_tokens"
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.test/y.png"}}]}
    refused = chat(made, messages=[image])
    assert (refused.status, error_of(refused)["code"]) == (400, "unsupported_by_model")


def test_anthropics_fast_mode_costs_what_fast_mode_costs() -> None:
    raw, model = config("anthropic", llm_format="anthropic", model={"name": "claude-fable-5-2"}), "claude-fable-5-2"
    costs = []
    for speed in ("standard", "fast"):
        usage = {**MESSAGE["usage"], "service_tier": "standard", "speed": speed}
        reply = chat(gateway(raw, {**MESSAGE, "model": model, "usage": usage}), max_tokens=9)
        costs.append(reply.exchange[AI_USAGE].cost)
    assert costs == [pytest.approx(0.012), pytest.approx(0.024)]


def test_an_unknown_price_is_no_price() -> None:
    exchange = chat(gateway(config(model={"name": "home-made"}), COMPLETION | {"model": "home-made"})).exchange
    assert exchange[AI_USAGE].cost is None


def test_a_call_that_never_reached_a_model_says_which_it_was_for() -> None:
    down = UpstreamError("upstream_connect_failed", "refused")
    exchange = Gateway((AiProxy, config()), upstream=lambda request, body: down).chat({"messages": HELLO}).exchange
    assert exchange[AI_META].request_model == "gpt-4o"
    assert AI_USAGE not in exchange


def test_payloads_are_kept_only_if_asked_for() -> None:
    assert AI_PAYLOAD not in chat(gateway()).exchange
    raw = config("anthropic", logging={"log_payloads": True, "log_statistics": True})
    reply = chat(gateway(raw, MESSAGE))
    assert reply.exchange[AI_PAYLOAD] == AiPayload(
        request=json.dumps({"messages": HELLO}, separators=(",", ":")), response=reply.body.decode()
    )
    assert reply.exchange[AI_LOG_STATISTICS] is True
    reply, _ = streamed(config(logging={"log_payloads": True}), *EVENTS)
    assert reply.exchange[AI_PAYLOAD].response == reply.body.decode()


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_key_that_an_answer_repeats_is_not_logged(provider: str) -> None:
    told = json.loads(json.dumps(COMPLETION if provider == "openai" else MESSAGE).replace("pong", "sk-provider-key"))
    reply = chat(gateway(config(provider, logging={"log_payloads": True}), told))
    assert reply.exchange[AI_PAYLOAD].response == reply.body.decode().replace("sk-provider-key", "***")


@pytest.mark.parametrize("breaks", [False, True])
def test_a_key_that_two_pieces_of_a_stream_repeat_is_not_logged(breaks: bool) -> None:
    event = EVENTS[0].replace(b'"content":""', b'"content":"sk-provider-key"')
    at = event.index(b"provider")
    rest: list[bytes | GatewayError] = [event[at:], *EVENTS[1:]]
    if breaks:
        at += 9
        rest = [UpstreamError("upstream_reset", "gone")]
    usage = {"include_usage": True}
    reply, _ = streamed(config(logging={"log_payloads": True}), event[:at], *rest, stream_options=usage)
    response = reply.exchange[AI_PAYLOAD].response
    assert response is not None
    assert ("***" in response, "provider" in response) == (True, False)


def test_what_a_stream_cannot_say_is_logged_and_counted() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "AA"}}
    candidate = {"content": {"parts": [{"text": "pong"}, picture, picture, {"new\nPart": {}}]}, "finishReason": "STOP"}
    event = b"data: %b\n\n" % json.dumps({"candidates": [candidate]}).encode()
    made = Gateway((AiProxy, config("gemini", llm_format="anthropic")))
    body = json.dumps({"messages": HELLO, "max_tokens": 5, "stream": True}).encode()
    for _ in range(2):
        upstream = StreamedUpstream(event)
        made.floor.transport = upstream  # type: ignore[assignment]  # pause and resume are not needed here
        reply, path = made._begin("POST", "/v1/messages", JSON, body)
        upstream.deliver()
    assert reply.header("x-entresol-dropped") is None
    assert path.exchange[AI_META].dropped == ["response.image", "response.new\nPart"]
    series = [(each.labels, each.value) for family in made.metrics.snapshot() for each in family.series]
    assert series == [(("gemini", "gpt-4o"), 2)]


def test_a_stream_without_losses_is_not_counted() -> None:
    made = Gateway((AiProxy, config("gemini", llm_format="anthropic")))
    upstream = StreamedUpstream(
        b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}\n\n'
    )
    made.floor.transport = upstream  # type: ignore[assignment]  # pause and resume are not needed here
    body = json.dumps({"messages": HELLO, "max_tokens": 5, "stream": True}).encode()
    made._begin("POST", "/v1/messages", JSON, body)
    upstream.deliver()
    assert made.metrics.snapshot() == []


# Other operations.


@pytest.mark.parametrize(
    ("route_type", "target", "wire"),
    [
        ("llm/v1/completions", "/v1/completions", {"prompt": "x"}),
        ("llm/v1/embeddings", "/v1/embeddings", {"input": "x"}),
    ],
)
def test_completions_and_embeddings(route_type: str, target: str, wire: dict[str, Any]) -> None:
    answer = {"object": "list", "data": [], "choices": [], "model": "m", "usage": {"prompt_tokens": 5}}
    reply = gateway(config(route_type=route_type), answer).chat(wire)
    assert reply.sent is not None
    assert (reply.status, reply.sent.target, reply.exchange[AI_USAGE].prompt_tokens) == (200, target, 5)


VERTEX = {"gemini": {"project_id": "acme", "location_id": "europe-west1"}}


class OneToken:
    """A cloud whose only token may have to be waited for."""

    def __init__(self, has_to_be_fetched: bool) -> None:
        self._token = None if has_to_be_fetched else BearerToken("cloud-token-1")

    def completed(self, auth: AuthConfig, options: ModelOptions, provider: str) -> ModelOptions:
        return options

    def source(self, auth: AuthConfig, options: ModelOptions, provider: str) -> "OneToken":
        return self

    def current(self) -> BearerToken | None:
        return self._token

    async def fetch(self) -> BearerToken:
        self._token = BearerToken("cloud-token-1")
        return self._token


@pytest.mark.parametrize("has_to_be_fetched", [False, True])
def test_a_clouds_credential_goes_into_the_call_instead_of_the_clients(has_to_be_fetched: bool) -> None:
    raw = config(auth={}, provider="vertex", model={"name": "gemini-3.8-flash"}, options=VERTEX)
    answer = {"candidates": [{"content": {"parts": [{"text": "cloud-token-1"}]}, "finishReason": "STOP"}]}
    made = Gateway((AiProxy, raw), upstream=answers(answer), clouds=OneToken(has_to_be_fetched))
    body = json.dumps({"messages": HELLO}).encode()
    reply = made.call_awaited("POST", "/chat", [*JSON, (b"authorization", b"Bearer the-clients")], body)
    assert reply.status == 200
    assert reply.sent is not None
    assert reply.sent.headers.get_all(b"authorization") == [b"Bearer cloud-token-1"]


def test_a_clouds_credential_is_masked_where_a_provider_repeats_it() -> None:
    raw = config(auth={}, provider="vertex", model={"name": "gemini-3.8-flash"}, options=VERTEX)
    error = {"error": {"code": 400, "message": "what is cloud-token-1?", "status": "INVALID_ARGUMENT"}}
    made = Gateway((AiProxy, raw), upstream=answers(error, 400), clouds=OneToken(False))
    reply = made.chat({"messages": HELLO})
    assert reply.status == 400
    assert b"cloud-token-1" not in reply.body
    assert b"what is ***?" in reply.body


@pytest.mark.parametrize("provider", ["vertex", "gemini"])
def test_a_base_without_a_project_is_not_enough_for_vertex(provider: str) -> None:
    options: dict[str, Any] = {"gemini": {"location_id": "europe-west1"}}
    with pytest.raises(ConfigError, match="project_id"):
        gateway(config(provider, options=options))
    options["upstream_url"] = "http://mock.test:9/v1/projects/p/locations/l/publishers/google/models/m:generateContent"
    assert chat(gateway(config(provider, options=options))).sent is not None


def test_kongs_address_of_an_ollama_server_gets_ollamas_wire() -> None:
    options = {"llama2_format": "ollama", "upstream_url": "http://mock.test:11434/api/chat"}
    line = b'{"model":"llama2","message":{"role":"assistant","content":"pong"},"done":true,"done_reason":"stop"}\n'
    made = gateway(config("llama2", options=options), line, headers=[(b"content-type", b"application/x-ndjson")])
    reply = chat(made, max_tokens=5, stream=True)
    assert reply.sent is not None
    assert (reply.sent.target, json.loads(reply.sent_body)["options"]) == ("/api/chat", {"num_predict": 5})
    assert b'"content":"pong"' in reply.body


def test_a_provider_without_an_address_is_told_at_load_what_it_needs() -> None:
    raw = {"route_type": "llm/v1/chat", "model": {"provider": "bedrock", "name": "m"}}
    with pytest.raises(ConfigError, match="aws_region"):
        Gateway((AiProxy, raw))
