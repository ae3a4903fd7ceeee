import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Losses, Profile, bad_request
from entresol.llm.openai_parts import (
    read_assistant_parts,
    read_parts,
    read_signature,
    write_assistant,
    write_message,
    write_parts,
    write_tool_results,
)  # fmt: skip
from entresol.llm.reading import ObjectReader
from entresol.llm.types import (
    Audio,
    CacheMark,
    ChatRequest,
    Document,
    Image,
    JsonObject,
    Native,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)  # fmt: skip

PROFILE = Profile(provider="openai", takes_cache_marks=True)


def losses(origin: str) -> Losses:
    return Losses(ChatRequest(origin=origin, messages=[]), "openai-chat", frozenset(), PROFILE)


def reader(value: object) -> ObjectReader:
    return ObjectReader(value, "messages[0]", bad_request)


CONTENT: list[tuple[JsonObject, Part]] = [
    ({"type": "text", "text": "a", "x": 1}, Text(text="a", extra={"x": 1})),
    (
        {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
        Text(text="a", cache=CacheMark("30m")),
    ),
    (
        {"type": "image_url", "image_url": {"url": "data:image/gif;base64,AA", "detail": "low"}},
        Image(media_type="image/gif", data="AA", detail="low"),
    ),
    ({"type": "image_url", "image_url": {"url": "https://x/y"}}, Image(url="https://x/y")),
    ({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}}, Audio(data="AA", media_type="audio/mp3")),
    ({"type": "file", "file": {"file_id": "f", "filename": "n"}}, Document(file_id="f", name="n")),
    (
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}},
        Document(data="AA", media_type="application/pdf"),
    ),
    ({"type": "video", "video": {"a": 1}}, Native(type="video", value={"type": "video", "video": {"a": 1}})),
]


@pytest.mark.parametrize(("wire", "part"), CONTENT)
def test_a_part_is_read_and_written_back(wire: JsonObject, part: Part) -> None:
    assert list(read_parts(reader({"content": [wire]}), "content")) == [part]
    assert write_parts([part, part], losses("openai-chat")) == [wire, wire]


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        ({"type": "text"}, r"messages\[0\].content\[0\].text: is required"),
        ({"type": "image_url", "image_url": 1}, "expected an object"),
        ({"type": "file", "file": {}}, "either file_data or file_id is required"),
        ({}, "type: is required"),
        ("x", "expected an object"),
    ],
)
def test_a_part_that_is_none_is_named(wire: object, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        read_parts(reader({"content": [wire]}), "content")


def test_one_plain_text_is_a_string_and_nothing_is_an_empty_one() -> None:
    assert write_parts([Text(text="a")], losses("x")) == "a"
    assert write_parts([], losses("x")) == ""
    assert list(read_parts(reader({"content": ""}), "content")) == []
    assert list(read_parts(reader({"content": None}), "content")) == []


REFUSED: list[Part] = [
    Image(file_id="elsewhere"),
    Document(file_id="elsewhere"),
    Document(url="https://x"),
    Audio(url="https://x"),
    Audio(data="AA", media_type="audio/flac"),
    Native(type="search_result", value={}),
]


@pytest.mark.parametrize("part", REFUSED)
def test_what_cannot_be_said_is_refused(part: Part) -> None:
    with pytest.raises(ClientError) as error:
        write_parts([part], losses("anthropic-messages"))
    assert error.value.code == "unsupported_by_provider"


def test_an_assistants_turn_without_anything_has_an_empty_string_and_no_null_that_openai_refuses() -> None:
    call = ToolCall(id="c", name="f")
    assert write_assistant([], losses("gemini"), PROFILE)["content"] == ""
    assert write_assistant([Thinking(text="hm")], losses("gemini"), PROFILE)["content"] == ""
    assert write_assistant([call], losses("gemini"), PROFILE)["content"] is None
    assert write_assistant([Refusal(text="No.")], losses("gemini"), PROFILE)["content"] is None


def test_refusals_in_pieces_are_one() -> None:
    parts: list[Part] = [Refusal(text="No, "), Refusal(text="never.")]
    assert write_assistant(parts, losses("gemini"), PROFILE)["refusal"] == "No, never."
    assert write_message(parts, [])["refusal"] == "No, never."


def test_an_assistants_turn_is_read_and_written_back() -> None:
    wire: JsonObject = {
        "role": "assistant", "content": "text", "refusal": "no",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "b", "type": "custom", "custom": {"name": "g", "input": "free"}},
        ],
    }  # fmt: skip
    parts = read_assistant_parts(reader({key: value for key, value in wire.items() if key != "role"}))
    assert parts == [
        Text(text="text"), Refusal(text="no"), ToolCall(id="a", name="f", arguments="{}"),
        ToolCall(id="b", name="g", arguments="free", is_custom=True),
    ]  # fmt: skip
    assert write_assistant(parts, losses("openai-chat"), PROFILE) == wire


def test_reasoning_goes_back_only_where_it_is_taken() -> None:
    parts: list[Part] = [Thinking(text="hm", signature="s"), Text(text="a")]
    kept, left_out = losses("x"), losses("x")
    compatible = Profile(provider="c", takes_reasoning_content=True)
    assert write_assistant(parts, kept, compatible)["reasoning_content"] == "hm"
    assert "reasoning_content" not in write_assistant(parts, left_out, PROFILE)
    assert kept.finish() == ["messages[].content[].signature"]
    assert left_out.finish() == ["messages[].content[].thinking", "messages[].content[].signature"]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_both_spellings_of_reasoning_are_read(name: str) -> None:
    assert read_assistant_parts(reader({name: "hm", "content": "a"})) == [Thinking(text="hm"), Text(text="a")]


def test_earlier_audio_stays_with_its_provider() -> None:
    parts: list[Part] = [Audio(file_id="audio_1")]
    assert write_assistant(parts, losses("openai-chat"), PROFILE)["audio"] == {"id": "audio_1"}
    with pytest.raises(ClientError, match="belongs to the provider that made it"):
        write_assistant(parts, losses("gemini"), PROFILE)


def test_an_answer_has_its_parts_where_clients_look_for_them() -> None:
    dropped: list[str] = []
    message = write_message(
        [
            Thinking(text="hm"), Text(text="a"), Text(text="b"), Image(data="AA", media_type="image/png"),
            ToolCall(id="c", name="f", signature="sig"), Audio(data="AA", transcript="t"), Native(type="x", value={}),
        ],
        dropped,
    )  # fmt: skip
    assert message["content"] == "ab"
    assert message["reasoning_content"] == "hm"
    assert message["images"] == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]
    assert message["audio"] == {"id": "audio-0", "data": "AA", "transcript": "t"}
    assert message["tool_calls"] == [
        {
            "id": "c",
            "type": "function",
            "function": {"name": "f", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": "sig"}},
        }
    ]
    assert dropped == ["x"]


def test_signatures_that_clients_could_not_send_back_are_reported() -> None:
    dropped: list[str] = []
    parts: list[Part] = [Thinking(text="a", signature="anthropic:s"), Thinking(redacted="anthropic:r")]
    write_message([*parts, *parts, Text(text="x", signature="s"), ToolCall(id="c", name="f", signature="s")], dropped)
    assert dropped == ["signature", "redacted_thinking", "thoughtSignature"]


def test_a_signature_is_found_where_geminis_compatible_endpoint_puts_it() -> None:
    assert read_signature({"google": {"thought_signature": "s"}}) == "s"
    assert [read_signature(value) for value in (None, {}, {"google": 1}, {"google": {"thought_signature": 1}})] == [
        None
    ] * 4


def test_results_that_are_not_text_follow_as_a_users_message() -> None:
    image = Image(data="AA", media_type="image/png")
    results: list[Part] = [
        ToolResult(call_id="a", parts=[image], is_error=True),
        ToolResult(call_id="b", parts=[Text(text="t"), Document(text="d")]),
    ]
    kept = losses("anthropic-messages")
    assert write_tool_results(results, kept) == [
        {"role": "tool", "tool_call_id": "a", "content": "The result is in the message that follows the tool results."},
        {
            "role": "tool",
            "tool_call_id": "b",
            "content": [{"type": "text", "text": "t"}, {"type": "text", "text": "d"}],
        },
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Result of tool call a:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
            ],
        },
    ]
    assert kept.finish() == ["messages[].tool_results[].is_error"]


def test_refused_and_thought_parts_of_an_assistants_turn_are_what_they_are() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "h"}, {"type": "text", "text": "m"}]}
    content = [thought, {"type": "refusal", "refusal": "no"}, {"type": "thinking", "thinking": "."}]
    parts = read_assistant_parts(reader({"content": content}))
    assert parts == [Thinking(text="hm"), Refusal(text="no"), Thinking(text=".")]


@pytest.mark.parametrize(
    "part", [{"type": "thinking", "thinking": [{"type": "x"}]}, {"type": "refusal", "refusal": "a", "more": 1}]
)
def test_a_part_that_says_more_than_its_words_stays_as_it_is(part: JsonObject) -> None:
    assert read_assistant_parts(reader({"content": [part]})) == [Native(type=str(part["type"]), value=part)]


def test_the_id_of_another_providers_call_is_no_longer_than_openai_takes() -> None:
    ids = ["gcall_1_" + "a" * 60, "gcall_2_" + "a" * 60, "x" * 40]
    foreign = losses("gemini")
    calls = write_assistant([ToolCall(id=each, name="f") for each in ids], foreign, PROFILE)["tool_calls"]
    assert isinstance(calls, list)
    written = [call["id"] for call in calls]
    assert written == [
        message["tool_call_id"] for message in write_tool_results([ToolResult(call_id=each) for each in ids], foreign)
    ]
    assert (len(set(written)), max(map(len, written)), written[2]) == (3, 40, ids[2])
    own = write_assistant([ToolCall(id=ids[0], name="f")], losses("openai-chat"), PROFILE)["tool_calls"]
    assert isinstance(own, list)
    assert own[0]["id"] == ids[0]


def test_a_mark_of_what_to_cache_is_no_field_for_servers_that_refuse_it() -> None:
    request = ChatRequest(origin="anthropic-messages", messages=[])
    lost = Losses(request, "openai-chat", frozenset(), Profile(provider="groq"))
    marked: list[Part] = [Text(text="a", cache=CacheMark("1h")), Image(url="https://x/y", cache=CacheMark())]
    assert write_parts(marked, lost) == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "https://x/y"}},
    ]
    assert lost.finish() == ["messages[].content[].cache_control"]


@pytest.mark.parametrize(
    ("wire", "part"),
    [
        ({"type": "image_url", "image_url": "https://x/y"}, Image(url="https://x/y")),
        ({"type": "image_url", "image_url": "data:image/gif;base64,AA"}, Image(media_type="image/gif", data="AA")),
        ({"type": "document_url", "document_url": "https://x/y.pdf"}, Document(url="https://x/y.pdf")),
        (
            {"type": "document_url", "document_url": "data:application/pdf;base64,AA", "document_name": "n"},
            Document(media_type="application/pdf", data="AA", name="n"),
        ),
    ],
)
def test_pictures_and_documents_are_read_as_mistrals_client_writes_them(wire: JsonObject, part: Part) -> None:
    assert read_parts(reader({"content": [wire]}), "content") == [part]


def test_a_documents_address_stays_in_its_own_format() -> None:
    wire = {"type": "document_url", "document_url": "https://x/y.pdf", "document_name": "n"}
    parts = read_parts(reader({"content": [wire]}), "content")
    assert write_parts(parts, losses("openai-chat")) == [wire]


@pytest.mark.parametrize(
    ("document", "url"),
    [
        (Document(data="AA", media_type="application/pdf", name="n"), "data:application/pdf;base64,AA"),
        (Document(url="https://x/y.pdf", name="n"), "https://x/y.pdf"),
    ],
)
def test_documents_go_to_mistral_as_it_takes_them(document: Document, url: str) -> None:
    request = ChatRequest(origin="anthropic-messages", messages=[])
    lost = Losses(request, "openai-chat", frozenset(), Profile(provider="mistral", has_document_urls=True))
    assert write_parts([document], lost) == [{"type": "document_url", "document_url": url, "document_name": "n"}]
