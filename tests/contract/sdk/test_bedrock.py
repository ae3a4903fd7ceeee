"""boto3's client of Bedrock's runtime in front of four providers, and other clients in front of Bedrock's own wire."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from contract.sdk.stand import GATEWAY_KEY, Stand, ai_proxy, route
from contract.sdk.talking import CITY, PIXEL, TALKS, TOOL

PROVIDERS = ("bedrock", "openai", "anthropic", "gemini")
CLIENTS = ("openai", "anthropic", "gemini")
CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
MODELS = {
    "bedrock": CLAUDE,
    "openai": "gpt-5.5",
    "anthropic": "claude-sonnet-5-5",
    "gemini": "gemini-3.8-flash",
}
TOOLS = {"tools": [{"toolSpec": {"name": TOOL, "description": "Weather", "inputSchema": {"json": CITY}}}]}
LONG = "mcp__weather_stations_of_the_world__" + "get_weather_" * 5
_SESSION = boto3.Session("AKIDEXAMPLE", "secret", region_name="eu-central-1")
CACHE = {"cachePoint": {"type": "default"}}

every_provider = pytest.mark.parametrize("provider", PROVIDERS)
whole_and_streamed = pytest.mark.parametrize("stream", [False, True])


class BedrockStand(Stand):
    """Routes of Bedrock's clients to every provider, and of others to Bedrock."""

    def configuration(self, upstream: str) -> dict[str, Any]:
        routes = [
            route(f"bedrock-{provider}", [f"/bedrock-{provider}/model"], proxy("bedrock", provider, upstream))
            for provider in PROVIDERS
        ]
        routes += [
            route(f"{client}-bedrock", [f"/{client}-bedrock"], proxy(client, "bedrock", upstream)) for client in CLIENTS
        ]
        signed = proxy("bedrock", "bedrock", upstream)
        keys = {"aws_access_key_id": "AKIDGATEWAY", "aws_secret_access_key": "the-gateways-own"}
        signed["config"]["auth"] = keys
        routes.append(route("signed", ["/bedrock-signed/model"], signed))
        embedding = proxy("openai", "bedrock", upstream)
        embedding["config"]["route_type"] = "llm/v1/embeddings"
        routes.append(route("embeddings", ["/openai-bedrock/v1/embeddings"], embedding))
        return {
            "_format_version": "3.0",
            "routes": routes,
            "plugins": [
                {"name": "key-auth", "config": {"key_names": ["x-api-key", "x-goog-api-key", "authorization"]}}
            ],
            "consumers": [{"username": "tester", "keyauth_credentials": [{"key": GATEWAY_KEY}]}],
        }


def proxy(client: str, provider: str, upstream: str) -> dict[str, Any]:
    """The plugin for one pair; Bedrock is called with a bearer token."""
    if provider != "bedrock":
        plugin = ai_proxy("openai", provider, upstream)
        plugin["config"]["llm_format"] = client
        return plugin
    options = {"upstream_url": upstream, "bedrock": {"aws_region": "eu-central-1"}}
    config: dict[str, Any] = {
        "route_type": "llm/v1/chat",
        "llm_format": client,
        "model": {"provider": "bedrock", "options": options},
        "auth": {"header_name": "Authorization", "header_value": "Bearer scripted-key"},
    }
    return {"name": "ai-proxy", "config": config}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BedrockStand]:
    """The gateway with these routes, and its provider."""
    running = BedrockStand(tmp_path_factory.mktemp("bedrock"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _closed(place: BedrockStand) -> Iterator[None]:
    yield
    place.clients.close()


class Heard:
    """What boto3 made of an answer, whole or in pieces."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.blocks: list[dict[str, Any]] = []
        if "stream" in answer:
            with closing(answer["stream"]) as stream:
                self._read(stream)
        else:
            self.blocks = answer["output"]["message"]["content"]
            self.reason, self.usage = answer["stopReason"], answer["usage"]
            assert answer["metrics"]["latencyMs"] >= 0

    def _read(self, stream: Any) -> None:
        """As the examples of AWS's documentation read a stream: a block after the other."""
        block: dict[str, Any] = {}
        for event in stream:
            if "contentBlockStart" in event:
                block = {"toolUse": {**event["contentBlockStart"]["start"]["toolUse"], "input": ""}}
            elif "contentBlockDelta" in event:
                delta = event["contentBlockDelta"]["delta"]
                if "toolUse" in delta:
                    block["toolUse"]["input"] += delta["toolUse"]["input"]
                elif "text" in delta:
                    block["text"] = block.get("text", "") + delta["text"]
                else:
                    inner = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})["reasoningText"]
                    inner["text"] += delta["reasoningContent"].get("text", "")
                    inner |= {key: value for key, value in delta["reasoningContent"].items() if key == "signature"}
            elif "contentBlockStop" in event:
                if "toolUse" in block:
                    block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
                self.blocks.append(block)
                block = {}
            elif "messageStop" in event:
                self.reason = event["messageStop"]["stopReason"]
            elif "metadata" in event:
                self.usage = event["metadata"]["usage"]

    @property
    def text(self) -> str:
        return "".join(block.get("text", "") for block in self.blocks)

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [block["toolUse"] for block in self.blocks if "toolUse" in block]

    @property
    def turn(self) -> dict[str, Any]:
        """As the client sends it back."""
        return {"role": "assistant", "content": self.blocks}


class Bedrock:
    """boto3's client. It signs for AWS, and brings its key for the gateway beside the signature."""

    def __init__(self, place: Stand, provider: str, key: str = GATEWAY_KEY) -> None:
        config = Config(retries={"total_max_attempts": 1})
        url = place.base("bedrock", provider)
        self.sdk = _SESSION.client("bedrock-runtime", endpoint_url=url, config=config)
        self.sdk.meta.events.register(
            "before-send.bedrock-runtime", lambda request, **_: request.headers.update({"x-api-key": key})
        )
        place.clients.callback(self.sdk.close)

    def ask(self, model: str, *turns: dict[str, Any], stream: bool = False, **fields: Any) -> Heard:
        call = self.sdk.converse_stream if stream else self.sdk.converse
        system = fields.pop("system", [{"text": "Be brief."}])
        inference = {"maxTokens": 500, **fields.pop("inferenceConfig", {})}
        answer: Any = call(modelId=model, messages=list(turns), system=system, inferenceConfig=inference, **fields)
        return Heard(answer)


@pytest.fixture
def bedrock(place: BedrockStand, provider: str) -> Bedrock:
    return Bedrock(place, provider)


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"text": block} if isinstance(block, str) else block for block in blocks]}


def result(call: dict[str, Any], content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": call["toolUseId"], "content": [content], **fields}}


@every_provider
@whole_and_streamed
def test_a_question_is_answered(place: BedrockStand, bedrock: Bedrock, provider: str, stream: bool) -> None:
    heard = bedrock.ask(MODELS[provider], user("Hello"), stream=stream)
    assert heard.text == 'You said: "Hello".'
    assert heard.reason == "end_turn"
    assert heard.usage["inputTokens"] > 0
    assert heard.usage["totalTokens"] == heard.usage["inputTokens"] + heard.usage["outputTokens"]
    assert (place.last.wire, place.last.status) == (provider, 200)
    assert b"Be brief." in place.last.body
    assert all(b"gateway-key" not in value for _, value in place.last.headers)
    names = {name for name, _ in place.last.headers}
    assert names.isdisjoint((b"x-amz-date", b"x-amz-security-token"))  # of a signature that is for us


@every_provider
@whole_and_streamed
def test_tools_are_called_in_parallel_and_their_results_answered(bedrock: Bedrock, provider: str, stream: bool) -> None:
    model, turns = MODELS[provider], [user("What is the weather in Paris and Tokyo and Lima?")]
    first = bedrock.ask(model, *turns, stream=stream, toolConfig=TOOLS)
    assert first.reason == "tool_use"
    assert [(call["name"], call["input"]["city"]) for call in first.calls] == [
        (TOOL, "Paris"), (TOOL, "Tokyo"), (TOOL, "Lima")
    ]  # fmt: skip
    assert len({call["toolUseId"] for call in first.calls}) == 3
    answers: list[dict[str, Any]] = [{"text": "18 degrees, plain"}, {"json": {"degrees": 25}}, {"text": "no data"}]
    results = [result(call, answer) for call, answer in zip(first.calls, answers, strict=True)]
    second = bedrock.ask(model, *turns, first.turn, user(*results), stream=stream, toolConfig=TOOLS)
    assert second.reason == "end_turn"
    assert second.text.count(f"{TOOL} says:") == 3
    for said in ("18 degrees, plain", '"degrees":25', "no data"):
        assert said in second.text


@every_provider
@whole_and_streamed
def test_a_tool_can_be_forced(bedrock: Bedrock, provider: str, stream: bool) -> None:
    config = {**TOOLS, "toolChoice": {"tool": {"name": TOOL}}}
    heard = bedrock.ask(MODELS[provider], user("Hello"), stream=stream, toolConfig=config)
    assert [call["name"] for call in heard.calls] == [TOOL]


@every_provider
def test_a_picture_is_seen(bedrock: Bedrock, provider: str) -> None:
    picture = {"image": {"format": "png", "source": {"bytes": base64.b64decode(PIXEL)}}}
    heard = bedrock.ask(MODELS[provider], user("Look", picture))
    assert "I see one image" in heard.text
    assert "70 bytes" in heard.text


@every_provider
def test_a_document_is_seen(bedrock: Bedrock, provider: str) -> None:
    document = {"document": {"format": "pdf", "name": "Report", "source": {"bytes": b"%PDF-1.4 x"}}}
    assert "I see one document" in bedrock.ask(MODELS[provider], user("Sum up", document)).text


@every_provider
@whole_and_streamed
def test_the_limit_and_stop_strings_hold(bedrock: Bedrock, provider: str, stream: bool) -> None:
    model = MODELS[provider]
    assert bedrock.ask(model, user("50 words"), stream=stream, inferenceConfig={"maxTokens": 4}).reason == "max_tokens"
    stopped = bedrock.ask(model, user("Hello END"), stream=stream, inferenceConfig={"stopSequences": ["END"]})
    assert stopped.text == 'You said: "Hello '


@every_provider
def test_an_answer_keeps_to_a_schema(bedrock: Bedrock, provider: str) -> None:
    schema: dict[str, Any] = {**CITY, "additionalProperties": False}
    inner = {"jsonSchema": {"schema": json.dumps(schema), "name": "place"}}
    config = {"textFormat": {"type": "json_schema", "structure": inner}}
    heard = bedrock.ask(MODELS[provider], user("weather in Paris"), outputConfig=config)
    assert json.loads(heard.text) == {"city": "Paris"}


@pytest.mark.parametrize("provider", ["bedrock", "anthropic"])
@whole_and_streamed
def test_signed_reasoning_goes_there_and_back(bedrock: Bedrock, provider: str, stream: bool) -> None:
    model = CLAUDE if provider == "bedrock" else "claude-haiku-4-5"
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    fields: dict[str, Any] = {
        "inferenceConfig": {"maxTokens": 4000}, "additionalModelRequestFields": thinking, "toolConfig": TOOLS
    }  # fmt: skip
    turns = [user("What is the weather in Paris?")]
    first = bedrock.ask(model, *turns, stream=stream, **fields)
    reasoning = first.blocks[0]["reasoningContent"]["reasoningText"]
    assert reasoning["text"].startswith("The last turn")
    assert reasoning["signature"]
    second = bedrock.ask(
        model, *turns, first.turn, user(result(first.calls[0], {"text": "18"})), stream=stream, **fields
    )
    assert "says: 18" in second.text


@pytest.mark.parametrize("provider", ["bedrock", "anthropic"])
@whole_and_streamed
def test_cached_tokens_have_buckets_of_their_own(bedrock: Bedrock, provider: str, stream: bool) -> None:
    system = [{"text": "Be brief. " * 50}, CACHE]
    written = bedrock.ask(MODELS[provider], user("Hello"), stream=stream, system=system).usage
    assert written["cacheWriteInputTokens"] > 100
    assert written["inputTokens"] < 20
    read = bedrock.ask("claude-scripted-cached", user("Hello"), stream=stream, system=system).usage
    assert read["cacheReadInputTokens"] == written["cacheWriteInputTokens"]


@every_provider
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("scripted-429", "ThrottlingException"),
        ("scripted-400", "ValidationException"),
        ("scripted-500", "InternalServerException"),
        ("scripted-503", "ServiceUnavailableException"),
    ],
)
def test_errors_are_bedrocks(bedrock: Bedrock, provider: str, fault: str, kind: str) -> None:
    with pytest.raises(ClientError) as raised:
        bedrock.ask(fault, user("Hello"))
    assert raised.value.response["Error"]["Code"] == kind
    assert "Scripted error" in raised.value.response["Error"]["Message"]
    with pytest.raises(getattr(bedrock.sdk.exceptions, kind)):
        bedrock.ask(fault, user("Hello"), stream=True)


@every_provider
@pytest.mark.parametrize("fault", ["scripted-error-midstream", "scripted-reset-midstream", "scripted-truncated"])
def test_a_stream_that_fails_never_looks_whole(bedrock: Bedrock, provider: str, fault: str) -> None:
    with pytest.raises(EventStreamError):
        bedrock.ask(fault, user("20 words"), stream=True)


@pytest.mark.parametrize("provider", ["openai"])
def test_a_key_of_nobody_is_refused(place: BedrockStand, provider: str) -> None:
    with pytest.raises(ClientError) as raised:
        Bedrock(place, provider, key="wrong").ask("gpt-5.5", user("Hello"))
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 401


@pytest.mark.parametrize("provider", ["openai"])
def test_what_cannot_be_translated_is_told(place: BedrockStand, bedrock: Bedrock, provider: str) -> None:
    with pytest.raises(bedrock.sdk.exceptions.ValidationException, match="guardrailConfig is not supported"):
        bedrock.ask("gpt-5.5", user("Hello"), guardrailConfig={"guardrailIdentifier": "abc", "guardrailVersion": "1"})
    answer = bedrock.sdk.converse(
        modelId="gpt-5.5", messages=[user("Hello")], performanceConfig={"latency": "optimized"}
    )
    assert "performanceConfig" in answer["ResponseMetadata"]["HTTPHeaders"]["x-entresol-dropped"]


NATIVE = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize("provider", ["bedrock"])
def test_an_invocation_passes(place: BedrockStand, bedrock: Bedrock, provider: str) -> None:
    answer = bedrock.sdk.invoke_model(modelId=CLAUDE, body=json.dumps(NATIVE))  # which sends no content type
    assert json.loads(answer["body"].read())["content"][0]["text"] == 'You said: "Hi".'
    stream = bedrock.sdk.invoke_model_with_response_stream(
        modelId=CLAUDE, body=json.dumps(NATIVE), contentType="application/json"
    )
    events = [json.loads(event["chunk"]["bytes"]) for event in stream["body"]]
    assert events[0]["type"] == "message_start"
    assert events[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] > 0


@pytest.mark.parametrize("name", CLIENTS)
@whole_and_streamed
def test_other_clients_are_answered_by_bedrock(place: BedrockStand, name: str, stream: bool) -> None:
    talk = TALKS[name](place, "bedrock")
    turns = [talk.user("What is the weather in Paris and Tokyo?")]
    first = talk.ask(CLAUDE, turns, tools=True, stream=stream)
    assert [arguments["city"] for _, _, arguments in first.calls] == ["Paris", "Tokyo"]
    turns += [first.turn, *talk.results(first.calls, "18 degrees")]
    second = talk.ask(CLAUDE, turns, tools=True, stream=stream)
    assert second.text.count("18 degrees") == 2
    assert second.input_tokens > 0
    assert place.last.wire == "bedrock"


@pytest.mark.parametrize("name", CLIENTS)
def test_other_clients_show_pictures_to_bedrock(place: BedrockStand, name: str) -> None:
    talk = TALKS[name](place, "bedrock")
    assert "I see one image" in talk.ask(CLAUDE, [talk.user("Look", PIXEL)]).text


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("fault", ["scripted-error-midstream", "scripted-reset-midstream", "scripted-truncated"])
def test_a_stream_of_bedrocks_that_fails_never_looks_whole(place: BedrockStand, name: str, fault: str) -> None:
    talk = TALKS[name](place, "bedrock")
    with pytest.raises(talk.errors):
        talk.ask(f"anthropic.claude-{fault}", [talk.user("20 words")], stream=True)


@whole_and_streamed
def test_a_long_tool_name_is_the_clients_own_in_the_answer(place: BedrockStand, stream: bool) -> None:
    sdk: Any = TALKS["openai"](place, "bedrock").sdk
    tools = [{"type": "function", "function": {"name": LONG, "parameters": CITY}}]
    fields: dict[str, Any] = {"model": CLAUDE, "tools": tools, "tool_choice": "required"}
    turns: list[Any] = [{"role": "user", "content": "weather in Paris"}]
    if stream:
        with sdk.chat.completions.create(messages=turns, stream=True, **fields) as chunks:
            deltas = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or []]
        name = "".join(delta.function.name or "" for delta in deltas)
    else:
        message = sdk.chat.completions.create(messages=turns, **fields).choices[0].message
        name = message.tool_calls[0].function.name
        turns += [message, {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "18 degrees"}]
        fields["tool_choice"] = "auto"
        assert "18 degrees" in sdk.chat.completions.create(messages=turns, **fields).choices[0].message.content
    assert name == LONG
    sent = json.loads(place.last.body)["toolConfig"]["tools"][0]["toolSpec"]["name"]
    assert len(sent) <= 64


def test_the_gateway_signs_with_its_own_key(place: BedrockStand) -> None:
    bedrock = Bedrock(place, "signed")
    for stream in (False, True):
        assert bedrock.ask(CLAUDE, user("Hello"), stream=stream).text == 'You said: "Hello".'
        sent = dict(place.last.headers)
        assert sent[b"authorization"].startswith(b"AWS4-HMAC-SHA256 Credential=AKIDGATEWAY/")
        assert b"/eu-central-1/bedrock/aws4_request" in sent[b"authorization"]
        assert b"AKIDEXAMPLE" not in sent[b"authorization"]


def test_openais_client_gets_vectors_of_bedrocks_models(place: BedrockStand) -> None:
    sdk: Any = TALKS["openai"](place, "bedrock").sdk
    one = sdk.embeddings.create(model="amazon.titan-embed-text-v2:0", input="Hello there", dimensions=256)
    assert len(one.data[0].embedding) == 256
    assert one.usage.prompt_tokens == 3
    two = sdk.embeddings.create(model="cohere.embed-english-v3", input=["a", "b"])
    assert len(two.data) == 2
