import base64
import json
from pathlib import Path
from typing import Any

import pytest
from google.genai.types import GenerateContentConfig
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError, UpstreamError
from entresol.llm.format import Options, Profile
from entresol.llm.formats.gemini import Gemini, model_and_method
from entresol.llm.gemini_parts import ANY_SIGNATURE
from entresol.llm.types import (
    ChatRequest,
    ChatResponse,
    Choice,
    Image,
    Message,
    Part,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
)  # fmt: skip

FORMAT = Gemini()
GEMINI = Profile(provider="gemini")
GOLDEN = Path(__file__).parents[3] / "golden" / "gemini"
PATH = "/v1beta/models/gemini-2.5-flash:generateContent"
CONTENTS = [{"role": "user", "parts": [{"text": "x"}]}]
CONFIG: dict[str, tuple[object, str]] = {
    "audioTranscriptionConfig": ({"diarization": True}, "dropped"),
    "candidateCount": (1, "mapped"),
    "continuationToken": ("x", "dropped"),
    "enableEnhancedCivicAnswers": (True, "dropped"),
    "frequencyPenalty": (0.5, "mapped"),
    "imageConfig": ({"aspectRatio": "1:1"}, "dropped"),
    "logprobs": (3, "mapped"),
    "maxOutputTokens": (5, "mapped"),
    "mediaResolution": ("MEDIA_RESOLUTION_LOW", "dropped"),
    "presencePenalty": (0.5, "mapped"),
    "responseJsonSchema": ({"type": "object"}, "dropped"),
    "responseLogprobs": (True, "mapped"),
    "responseMimeType": ("application/json", "mapped"),
    "responseModalities": (["TEXT"], "mapped"),
    "responseSchema": ({"type": "OBJECT"}, "dropped"),
    "seed": (5, "mapped"),
    "speechConfig": ({"languageCode": "en"}, "dropped"),
    "stopSequences": (["x"], "mapped"),
    "temperature": (0.5, "mapped"),
    "thinkingConfig": ({"thinkingBudget": 5}, "mapped"),
    "topK": (5, "mapped"),
    "topP": (0.5, "mapped"),
}
"""Every field of `generationConfig`. Schemas count only beside the media type that makes Gemini read them."""
TOP: dict[str, tuple[object, str]] = {
    "cachedContent": ("c", "refused"),
    "labels": ({"a": "b"}, "mapped"),
    "safetySettings": ([{"category": "x"}], "dropped"),
    "serviceTier": ("flex", "mapped"),
    "store": (True, "dropped"),
    "systemInstruction": ({"parts": [{"text": "s"}]}, "mapped"),
    "toolConfig": ({"functionCallingConfig": {"mode": "NONE"}}, "mapped"),
    "tools": ([{"functionDeclarations": [{"name": "f"}]}], "mapped"),
}
SDK_ONLY = {
    "httpOptions", "shouldReturnHttpResponse", "automaticFunctionCalling", "automaticContinuation",
    "audioTimestamp", "routingConfig", "modelSelectionConfig", "modelArmorConfig", "generationOutputConfig",
}  # fmt: skip
"""Never on this API's wire: for the client itself, or for Google Cloud's other endpoint."""


def decode(wire: object, path: str = PATH) -> ChatRequest:
    return FORMAT.decode_request(json.dumps(wire).encode(), path)


def encode(request: ChatRequest) -> dict[str, Any]:
    wire = json.loads(FORMAT.encode_request(request, GEMINI).body)
    assert isinstance(wire, dict)
    return wire


USER_TURN = Message(role="user", parts=[Text(text="x")])


def asked(*parts: Part, **fields: Any) -> ChatRequest:
    """A request of a client that speaks another format."""
    messages = fields.pop("messages", [Message(role="user", parts=list(parts) or [Text(text="x")])])
    return ChatRequest(origin="some-client-format", messages=messages, **{"model": "gemini-2.5-flash", **fields})


def dropped(request: ChatRequest) -> list[str]:
    return FORMAT.encode_request(request, GEMINI).dropped


def test_the_tables_know_every_field_of_the_official_client() -> None:
    fields = {field.alias or name for name, field in GenerateContentConfig.model_fields.items()}
    assert fields - set(CONFIG) - set(TOP) - SDK_ONLY == set()


@pytest.mark.parametrize(("name", "is_config"), [(name, True) for name in CONFIG] + [(name, False) for name in TOP])
def test_every_field_is_mapped_reported_or_refused(name: str, is_config: bool) -> None:
    value, outcome = (CONFIG if is_config else TOP)[name]
    bare = decode({"contents": CONTENTS})
    wire = {"contents": CONTENTS} | ({"generationConfig": {name: value}} if is_config else {name: value})
    request = decode(wire)
    assert any(getattr(request, field) != getattr(bare, field) for field in request.__struct_fields__), "no trace left"
    request.origin = "some-client-format"
    if outcome == "refused":
        with pytest.raises(ClientError, match="is not supported by provider gemini"):
            FORMAT.encode_request(request, GEMINI)
        return
    lost = [] if name == "labels" else [f"generationConfig.{name}" if is_config else name] * (outcome == "dropped")
    assert [path for path in dropped(request) if path != "metadata"] == lost


@pytest.mark.parametrize(
    "path", sorted(p for p in GOLDEN.glob("*.json") if p.name.count(".") == 1), ids=lambda p: p.stem
)
def test_a_request_written_back_says_the_same(path: Path) -> None:
    request = FORMAT.decode_request(path.read_bytes(), PATH)
    encoded = FORMAT.encode_request(request, GEMINI)
    if path.stem == "thoughts_of_anthropic":
        assert encoded.dropped == []
        return  # another maker's signature means nothing to Gemini
    assert encoded.dropped == []
    assert FORMAT.decode_request(encoded.body, PATH) == request


# What the format can express survives: decode(encode(x)) = x.

WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
SIGNATURES = st.none() | st.just("c2ln")
TEXTS = st.builds(Text, text=WORDS, signature=SIGNATURES)
IMAGES = st.builds(Image, data=st.just("AA"), media_type=st.just("image/png"), signature=SIGNATURES)
CALLS = st.builds(ToolCall, id=WORDS, name=WORDS, arguments=st.just('{"a":1}'), signature=SIGNATURES)
THOUGHTS = st.builds(Thinking, text=WORDS, signature=st.just("gemini:c2ln"))
RESULTS = st.builds(
    lambda call_id, name: ToolResult(call_id=call_id, name=name, parts=[Text(text='{"b":2}')], is_object=True),
    WORDS,
    WORDS,
)
USER = st.builds(Message, role=st.just("user"), parts=st.lists(TEXTS | IMAGES, min_size=1, max_size=3))
ASSISTANT = st.builds(
    Message, role=st.just("assistant"), parts=st.lists(TEXTS | CALLS | THOUGHTS, min_size=1, max_size=3)
)
RESULT = st.builds(Message, role=st.just("tool"), parts=st.lists(RESULTS, min_size=1, max_size=2))
TURNS = st.lists(st.tuples(USER, ASSISTANT, RESULT, ASSISTANT), min_size=1, max_size=2)
REQUESTS = st.builds(
    ChatRequest,
    origin=st.just("gemini"),
    model=st.just("gemini-2.5-flash"),
    messages=st.builds(lambda turns: [message for turn in turns for message in turn], TURNS),
    tools=st.lists(
        st.builds(Tool, name=st.sampled_from(["f", "g"]), parameters=st.none() | st.just({"type": "object"})),
        min_size=1,
    ),
    tool_choice=st.none()
    | st.builds(ToolChoice, mode=st.sampled_from(["auto", "none", "required"]))
    | st.builds(ToolChoice, mode=st.sampled_from(["auto", "required"]), names=st.just(["f"])),
    max_tokens=st.none() | st.integers(1, 100),
    temperature=st.none() | st.floats(0, 2),
    stop=st.lists(WORDS, max_size=2),
    n=st.none() | st.integers(1, 4),
    service_tier=st.none() | st.sampled_from(["default", "flex", "priority"]),
    metadata=st.dictionaries(WORDS, WORDS, max_size=2),
)


@given(REQUESTS)
def test_a_request_survives_being_written(request: ChatRequest) -> None:
    encoded = FORMAT.encode_request(request, GEMINI)
    assert FORMAT.decode_request(encoded.body, PATH) == request
    assert encoded.dropped == []


@given(st.lists(st.lists(TEXTS | CALLS | THOUGHTS, max_size=3), min_size=1, max_size=2))
def test_an_answer_survives_being_written(answers: list[list[Part]]) -> None:
    response = ChatResponse(
        origin="gemini", id="i", model="m", usage=Usage(input=3, cache_read=2, output=5, reasoning=1)
    )
    response.choices = [Choice(index=n, parts=parts, finish_reason="length") for n, parts in enumerate(answers)]
    assert FORMAT.decode_response(FORMAT.encode_response(response).body) == response


# Reading.


@pytest.mark.parametrize(
    ("path", "query", "model", "stream", "framing"),
    [
        ("/v1beta/models/gemini-2.5-flash:generateContent", "", "gemini-2.5-flash", False, "sse"),
        ("/prefix/v1/models/m:streamGenerateContent", "alt=sse", "m", True, "sse"),
        ("/v1beta/models/m:streamGenerateContent", "key=a&$alt=sse", "m", True, "sse"),
        ("/v1beta/models/m:streamGenerateContent", "alt=json", "m", True, "json-array"),
        ("/v1beta/models/a%20b:streamGenerateContent", "", "a b", True, "json-array"),
        ("/v1beta/tunedModels/t-1:generateContent", "", "tunedModels/t-1", False, "sse"),
        ("/elsewhere", "", None, False, "sse"),
    ],
)
def test_model_and_framing_stand_in_the_url(
    path: str, query: str, model: str | None, stream: bool, framing: str
) -> None:
    opened = FORMAT.open(b"{}", path, query)
    assert (opened.model, opened.stream, opened.framing) == (model, stream, framing)


def test_other_methods_are_refused() -> None:
    with pytest.raises(ClientError, match="countTokens is not supported"):
        model_and_method("/v1beta/models/m:countTokens")


WRONG = [
    ({}, "contents: is required"),
    ({"contents": [{"role": "robot"}]}, r"contents\[0\].role: unknown role 'robot'"),
    ({"contents": [{"parts": [{"functionCall": {}}]}]}, r"functionCall.name: is required"),
    ({"contents": [{"parts": [{"inlineData": {"data": "A"}}]}]}, r"inlineData.mimeType: is required"),
    ({"contents": [], "toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}}, "unknown mode 'MAYBE'"),
    ({"contents": [], "generationConfig": {"temperature": "hot"}}, "generationConfig.temperature: expected a number"),
]


@pytest.mark.parametrize(("wire", "message"), WRONG)
def test_a_request_that_is_wrong_says_where(wire: object, message: str) -> None:
    with pytest.raises(ClientError, match=message) as error:
        decode(wire)
    assert (error.value.status, error.value.code) == (400, "bad_request")


# Writing for Gemini what other formats say. Each of Kong's known defects is one of these tests.


def test_system_messages_are_parts_of_their_own_in_order() -> None:
    messages = [
        Message(role="system", parts=[Text(text="one")]),
        Message(role="user", parts=[Text(text="x")]),
        Message(role="developer", parts=[Text(text="two")]),
    ]
    wire = encode(asked(messages=messages))
    assert wire["systemInstruction"] == {"parts": [{"text": "one"}, {"text": "two"}]}
    alone = encode(asked(messages=[Message(role="system", parts=[Text(text="Say hi")])]))
    assert alone == {"contents": [{"role": "user", "parts": [{"text": "Say hi"}]}]}


def tool_turn() -> list[Message]:
    return [
        Message(role="user", parts=[Text(text="x")]),
        Message(role="assistant", parts=[Text(text="Let me see.")]),
        Message(role="assistant", parts=[ToolCall(id="a", name="f", arguments='{"x":1}'), ToolCall(id="b", name="g")]),
        Message(role="tool", parts=[ToolResult(call_id=name, parts=[Text(text="1")]) for name in "ba"]),
    ]


def test_calls_keep_their_arguments_and_results_their_names() -> None:
    _, model, results = encode(asked(messages=tool_turn()))["contents"]
    assert [part.get("functionCall", {}).get("args") for part in model["parts"]] == [None, {"x": 1}, {}]
    assert [part["functionResponse"]["name"] for part in results["parts"]] == ["g", "f"]


def test_calls_of_other_models_get_the_signature_that_newer_models_demand() -> None:
    signed = encode(asked(messages=tool_turn(), model="gemini-3.8-flash"))["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in signed] == [None, ANY_SIGNATURE, None]
    unsigned = encode(asked(messages=tool_turn()))["contents"][1]["parts"]
    assert not any("thoughtSignature" in part for part in unsigned)


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        (ToolChoice(mode="auto"), {"mode": "AUTO"}),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="required", names=["f"]), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice(mode="auto", names=["f"]), {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
    ],
)
def test_tool_choices_have_their_counterpart(choice: ToolChoice, calling: object) -> None:
    wire = encode(asked(tools=[Tool(name="f")], tool_choice=choice))
    assert wire["toolConfig"] == {"functionCallingConfig": calling}
    assert "toolConfig" not in encode(asked(tool_choice=choice))


@pytest.mark.parametrize(
    ("fields", "lost"),
    [
        ({"parallel_tool_calls": False}, ["parallel_tool_calls"]),
        ({"tools": [Tool(name="f", strict=True)]}, ["tools[].strict"]),
        ({"service_tier": "scale"}, ["service_tier"]),
        ({"service_tier": "auto"}, []),
        ({"user": "u", "logit_bias": {"5": 1}, "metadata": {"a": "b"}}, ["logit_bias", "user", "metadata"]),
    ],
)
def test_what_gemini_does_not_take_is_reported(fields: dict[str, Any], lost: list[str]) -> None:
    assert dropped(asked(**fields)) == lost


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (asked(tools=[Tool(name="f", is_custom=True)]), "free text"),
        (asked(tools=[Tool(name="a b")]), "letters, digits"),
        (asked(Image(file_id="f")), "uploaded to another provider"),
        (asked(messages=[Message(role="system", parts=[Image(data="A")]), USER_TURN]), "only text"),
    ],
)
def test_what_would_change_the_answer_is_refused(request_: ChatRequest, why: str) -> None:
    with pytest.raises(ClientError, match=why):
        FORMAT.encode_request(request_, GEMINI)


# Answers.


def test_calls_without_ids_get_ids_that_differ_between_answers() -> None:
    def ids(response_id: str) -> list[str]:
        parts = [{"functionCall": {"name": "f"}}, {"functionCall": {"name": "f"}}]
        wire = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}], "responseId": response_id}
        choice = FORMAT.decode_response(json.dumps(wire).encode()).choices[0]
        assert choice.finish_reason == "tool_calls"
        return [part.id for part in choice.parts if isinstance(part, ToolCall)]

    assert len({*ids("a"), *ids("b")}) == 4
    assert ids("a") == ids("a")


def test_an_answer_without_candidates_and_reason_is_the_providers_fault() -> None:
    with pytest.raises(UpstreamError, match="neither candidates nor promptFeedback"):
        FORMAT.decode_response(b"{}")


# Staying in the format.


def passed(wire: dict[str, object], options: Options = Options()) -> object:  # noqa: B008
    opened = FORMAT.open(json.dumps(wire).encode(), PATH)
    return json.loads(FORMAT.close(opened, "m", True, options, GEMINI))


def test_nothing_changes_that_need_not() -> None:
    wire: dict[str, object] = {"contents": CONTENTS, "generationConfig": {"x": [1, 2.0, None]}, "y": 1}
    assert passed(wire) == wire


@pytest.mark.parametrize("name", ["generationConfig", "generation_config"])
def test_the_operators_options_win(name: str) -> None:
    options = Options(max_tokens=5, top_k=2)
    wire: dict[str, object] = {name: {"max_output_tokens": 900, "topK": 7, "seed": 1}}
    assert passed(wire, options) == {name: {"topK": 2, "seed": 1, "maxOutputTokens": 5}}
    assert passed({}, options) == {"generationConfig": {"maxOutputTokens": 5, "topK": 2}}


def test_a_configuration_that_is_none_says_so() -> None:
    with pytest.raises(ClientError, match="generationConfig: expected an object"):
        passed({"generationConfig": 5}, Options(top_k=1))


def test_a_signature_is_kept_on_every_kind_of_part() -> None:
    parts = [{"functionResponse": {"name": "f", "response": {}}, "thoughtSignature": "c2ln"}]
    request = FORMAT.decode_request(json.dumps({"contents": [{"role": "user", "parts": parts}]}).encode(), PATH)
    assert request.messages[0].parts[0].extra == {"thoughtSignature": "c2ln"}  # type: ignore[union-attr]


def test_a_function_response_holds_no_call() -> None:
    response = {"name": "f", "response": {}, "parts": [{"functionCall": {"name": "g"}}]}
    with pytest.raises(ClientError, match="a function response holds text, media and files"):
        FORMAT.decode_request(json.dumps({"contents": [{"parts": [{"functionResponse": response}]}]}).encode(), PATH)


def test_one_object_may_stand_for_a_list_of_one_as_in_the_documentation() -> None:
    wire = {
        "system_instruction": {"parts": {"text": "be brief"}},
        "contents": {"parts": {"text": "hi"}},
        "tools": {"functionDeclarations": {"name": "f"}},
    }
    request = FORMAT.decode_request(json.dumps(wire).encode())
    assert [(message.role, message.parts) for message in request.messages] == [
        ("system", [Text(text="be brief")]),
        ("user", [Text(text="hi")]),
    ]
    assert [tool.name for tool in request.tools if isinstance(tool, Tool)] == ["f"]


def test_reasoning_that_was_encrypted_and_pieces_of_a_thought_keep_apart() -> None:
    def wrapped(signature: str) -> str:
        return base64.b64encode(signature.encode()).decode()

    said = [
        {"text": "a", "thought": True},
        {"text": "b", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": wrapped("redacted:anthropic:R")},
        {"text": "c", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": wrapped("anthropic:S")},
    ]
    request = FORMAT.decode_request(json.dumps({"contents": [{"role": "model", "parts": said}]}).encode())
    assert request.messages[0].parts == [
        Thinking(text="ab"),
        Thinking(redacted="anthropic:R"),
        Thinking(text="c", signature="anthropic:S"),
    ]
