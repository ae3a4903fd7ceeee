import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Losses, Profile, bad_request
from entresol.llm.openai_responses_content import ending_of, item_rest, present, read_content, wire_id, write_input
from entresol.llm.reading import ObjectReader
from entresol.llm.types import Audio, CacheMark, ChatRequest, Document, Image, JsonObject, Native, Part, Refusal, Text

PROFILE = Profile(provider="openai", takes_cache_marks=True)


def reader(value: JsonObject) -> ObjectReader:
    return ObjectReader(value, "input[0]", bad_request)


def losses(origin: str = "openai-chat") -> Losses:
    return Losses(ChatRequest(origin=origin, messages=[]), "openai-responses", frozenset(), PROFILE)


@pytest.mark.parametrize(
    ("part", "canonical"),
    [
        ({"type": "input_text", "text": "a"}, Text(text="a")),
        ({"type": "output_text", "text": "a", "annotations": [], "logprobs": []}, Text(text="a")),
        ({"type": "refusal", "refusal": "no"}, Refusal(text="no")),
        (
            {"type": "input_image", "image_url": "data:image/jpg;base64,QQ==", "detail": "low"},
            Image(media_type="image/jpeg", data="QQ==", detail="low"),
        ),
        ({"type": "input_image", "image_url": "https://e.com/a"}, Image(url="https://e.com/a")),
        ({"type": "input_image", "file_id": "file-1"}, Image(file_id="file-1")),
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,QQ=="},
            Document(name="a.pdf", media_type="application/pdf", data="QQ=="),
        ),
        (
            {"type": "input_file", "filename": "a.txt", "file_data": "QQ=="},
            Document(name="a.txt", media_type="text/plain", data="QQ=="),
        ),
        (
            {"type": "input_file", "file_url": "https://e.com/a"},
            Document(url="https://e.com/a", media_type="application/pdf"),
        ),
        ({"type": "input_file", "file_id": "file-1"}, Document(file_id="file-1")),
        (
            {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
            Text(text="a", cache=CacheMark("30m")),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}},
            Audio(data="QQ==", media_type="audio/mp3"),
        ),
        ({"type": "input_hologram", "x": 1}, Native(type="input_hologram", value={"type": "input_hologram", "x": 1})),
    ],
)
def test_parts_are_read(part: JsonObject, canonical: Part) -> None:
    assert read_content(reader({"content": [part]}), "content") == [canonical]


@pytest.mark.parametrize(
    "part",
    [{"type": "input_image"}, {"type": "input_file", "filename": "a.pdf"}, {"type": "input_text"}, {"text": "a"}],
)
def test_a_part_that_says_nothing_is_refused(part: JsonObject) -> None:
    with pytest.raises(ClientError, match=r"input\[0\]\.content\[0\]") as caught:
        read_content(reader({"content": [part]}), "content")
    assert caught.value.code == "bad_request"


def test_a_string_is_one_text_and_an_empty_one_none() -> None:
    assert read_content(reader({"content": "a"}), "content") == [Text(text="a")]
    assert read_content(reader({"content": ""}), "content") == []


def test_what_is_empty_is_not_kept_and_an_items_names_are_not() -> None:
    item: JsonObject = {"id": "msg_1", "status": "completed", "phase": "final_answer", "annotations": [], "x": None}
    assert present(reader(item)) == {"id": "msg_1", "status": "completed", "phase": "final_answer"}
    assert item_rest(reader(item)) == {"phase": "final_answer"}
    assert item_rest(reader({"id": "msg_1", "status": "incomplete"})) == {"status": "incomplete"}


def test_sound_comes_back_where_it_was_taken() -> None:
    part: JsonObject = {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}}
    assert write_input(read_content(reader({"content": [part]}), "content"), losses("openai-responses")) == [part]


def test_one_plain_text_is_written_as_a_string() -> None:
    assert write_input([], losses()) == ""
    assert write_input([Text(text="a")], losses()) == "a"


@pytest.mark.parametrize(
    ("part", "wire"),
    [
        (Image(data="QQ=="), {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,QQ=="}),
        (
            Document(data="QQ=="),
            {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,QQ=="},
        ),
        (Document(text="a"), {"type": "input_text", "text": "a"}),
        (
            Document(text="a", name="a.txt"),
            {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,YQ=="},
        ),
        (
            Document(data="QQ==", media_type="text/markdown"),
            {"type": "input_file", "filename": "document.md", "file_data": "data:text/markdown;base64,QQ=="},
        ),
        (Document(url="https://e.com/a.pdf"), {"type": "input_file", "file_url": "https://e.com/a.pdf"}),
    ],
)
def test_parts_are_written(part: Part, wire: JsonObject) -> None:
    assert write_input([Text(text="see"), part], losses())[1] == wire


@pytest.mark.parametrize(
    "part",
    [
        Image(file_id="file-1"),
        Document(file_id="file-1"),
        Document(url="gs://bucket/a"),
        Document(data="QQ==", media_type="video/mp4"),
        Native(type="container_upload", value={}),
        Refusal(text="no"),
        Audio(data="QQ==", media_type="audio/mp3"),
    ],
)
def test_what_belongs_to_another_provider_is_refused(part: Part) -> None:
    with pytest.raises(ClientError) as caught:
        write_input([part], losses())
    assert caught.value.code == "unsupported_by_provider"


def test_what_is_lost_of_a_part_is_told() -> None:
    told = losses()
    write_input([Text(text="a", cache=CacheMark("1h"), signature="s"), Text(text="b")], told)
    assert told.finish() == ["messages[].content[].cache_control.ttl", "messages[].content[].signature"]


def test_long_call_ids_are_cut_and_stay_distinct() -> None:
    first, second = wire_id("a" * 70, losses()), wire_id("a" * 71, losses())
    assert len(first) == len(second) == 64
    assert first != second
    assert wire_id("a" * 64, losses()) == "a" * 64
    assert wire_id("a" * 70, losses("openai-responses")) == "a" * 70


def test_a_files_type_says_how_its_name_ends() -> None:
    assert [ending_of(each) for each in ("text/plain", "text/csv")] == ["txt", "csv"]


def test_a_mark_of_what_to_cache_is_no_field_for_models_that_refuse_it() -> None:
    request = ChatRequest(origin="anthropic-messages", messages=[])
    lost = Losses(request, "openai-responses", frozenset(), Profile(provider="openai"))
    assert write_input([Text(text="a", cache=CacheMark("1h"))], lost) == [{"type": "input_text", "text": "a"}]
    assert lost.finish() == ["messages[].content[].cache_control"]
