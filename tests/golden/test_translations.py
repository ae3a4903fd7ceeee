"""Every golden case of every chat format, translated into every other one.

In `golden/<format>/`, with the format's name in snake case:

    case.json              a request            case.<target>.json             what the target's provider gets
    case.response.json     an answer            case.response.<target>.json    what the target's client gets
    case.sse               a stream             case.<target>.sse              the same for a stream

`<target>` is the name of a format. Streams that are not server-sent events have an ending of their own (`ENDINGS`).
`pytest tests/golden --golden-update` writes the targets; the diff is the review.
"""

import base64
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from entresol.core.errors import GatewayError
from entresol.llm.answers import TranslatedStream
from entresol.llm.bedrock_wire import EVENT_STREAM
from entresol.llm.format import ChatFormat, Profile, StreamShape
from entresol.llm.registry import format_named
from entresol.llm.replay import events_of
from golden import event_stream_text

HERE = Path(__file__).parent
PROFILES = {
    "openai-chat": Profile(
        provider="openai",
        max_tokens_field="max_completion_tokens",
        has_developer_role=True,
        takes_cache_marks=True,
        unsupported=frozenset(("top_k",)),
    ),
    "openai-responses": Profile(provider="openai", takes_cache_marks=True),
    "anthropic-messages": Profile(provider="anthropic"),
    "gemini": Profile(provider="gemini"),
    "bedrock-converse": Profile(provider="bedrock"),
    "ollama-chat": Profile(provider="ollama"),
    "ollama-generate": Profile(provider="ollama"),
    "tgi-generate": Profile(provider="huggingface"),
    "cohere-chat": Profile(provider="cohere"),
    "openai-completions": Profile(provider="openai-compatible"),
}
FORMATS = tuple(PROFILES)
MODELS = {"bedrock-converse": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}
"""What a provider is asked for whose requests depend on it; elsewhere the model is the client's."""
ENDINGS = {b"application/x-ndjson": ".ndjson", EVENT_STREAM: ".events"}
"""By content type; the rest is `.sse`. Binary streams are written as text (`event_stream_text`)."""


def sources(suffix: str) -> list[Path]:
    """The cases: files `<case><suffix>`, where a case has no dot in its name."""
    folders = [HERE / name.replace("-", "_") for name in FORMATS]
    paths = [path for folder in folders for path in folder.glob(f"*{suffix}")]
    return sorted(path for path in paths if "." not in path.name.removesuffix(suffix))


def streams() -> list[Path]:
    return [path for ending in (".sse", *ENDINGS.values()) for path in sources(ending)]


def stream_for(path: Path, target: str) -> Path:
    """The file with what a client gets for a stream."""
    ending = ENDINGS.get(chat_format(target).stream_content_type, ".sse")
    return path.with_name(f"{path.stem}.{target}{ending}")


def stream_in(path: Path) -> bytes:
    """What the provider sends."""
    written = path.read_bytes()
    return event_stream_text.binary(written) if path.suffix == ".events" else written


def as_written(stream: bytes, target: str) -> bytes:
    """What a client gets, as it stands in a file."""
    is_binary = chat_format(target).stream_content_type == EVENT_STREAM and not stream.startswith(b"refused")
    return event_stream_text.text(stream) if is_binary else stream


def shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def chat_format(name: str) -> ChatFormat:
    found = format_named(name)
    assert isinstance(found, ChatFormat)
    return found


def source_of(path: Path) -> ChatFormat:
    return chat_format(path.parent.name.replace("_", "-"))


def compare(path: Path, result: bytes, update: bool) -> None:
    if update:
        path.write_bytes(result)
    assert path.exists(), f"{path.name} is missing: run with --golden-update and review it"
    assert path.read_bytes() == result


def as_json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def path_for(wire_format: ChatFormat, stream: bool) -> tuple[str, str]:
    """What a client's URL says, in the format where it says something."""
    if wire_format.name == "bedrock-converse":
        return f"/model/anthropic.claude-test/{'converse-stream' if stream else 'converse'}", ""
    if wire_format.name != "gemini":
        return "", ""
    return f"/v1beta/models/gemini-test:{'streamGenerateContent' if stream else 'generateContent'}", "alt=sse"


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("path", sources(".json"), ids=shown)
def test_a_request_becomes_what_is_written(path: Path, target: str, golden_update: bool) -> None:
    source = source_of(path)
    try:
        request = source.decode_request(path.read_bytes(), *path_for(source, False))
        request.model = MODELS.get(target, request.model)
        encoded = chat_format(target).encode_request(request, PROFILES[target])
        result: object = {"dropped": encoded.dropped, "body": msgspec.json.decode(encoded.body)}
    except GatewayError as error:
        result = {"refused": {"code": error.code, "message": error.message}}
    compare(path.with_name(f"{path.stem}.{target}.json"), as_json(result), golden_update)


def objects_in(value: object, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, object]]]:
    """Every object, and the keys that lead to it."""
    if isinstance(value, dict):
        yield keys, value
        for key, item in value.items():
            yield from objects_in(item, (*keys, key))
    elif isinstance(value, list):
        for item in value:
            yield from objects_in(item, keys)


def _is_in_a_file(word: bytes, value: object) -> bool:
    """Whether some text is base64 of something with the word in it."""
    if isinstance(value, dict | list):
        return any(_is_in_a_file(word, each) for each in (value.values() if isinstance(value, dict) else value))
    try:
        return isinstance(value, str) and word in base64.b64decode(value, validate=True)
    except ValueError:
        return False


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("path", sources(".json"), ids=shown)
def test_a_field_that_nobody_knows_is_never_silently_lost(path: Path, target: str) -> None:
    source = source_of(path)
    if source.name == target:
        return  # bytes pass
    body = msgspec.json.decode(path.read_bytes())
    lost = []
    for keys, each in objects_in(body):
        if keys[:1] == ("tools",) and path.stem == "tool_choice_allowed":
            continue  # a tool that may not be called is not offered where the choice cannot be limited
        each["unheard"] = 1
        try:
            request = source.decode_request(msgspec.json.encode(body), *path_for(source, False))
            request.model = MODELS.get(target, request.model)
            encoded = chat_format(target).encode_request(request, PROFILES[target])
            dropped = {path.rpartition(".")[2] for path in encoded.dropped}  # with all that is below
            is_said = b"unheard" in encoded.body or _is_in_a_file(b"unheard", msgspec.json.decode(encoded.body))
            is_told = "unheard" in dropped or is_said or not dropped.isdisjoint(keys)
        except GatewayError:
            is_told = True
        del each["unheard"]
        if not is_told:
            lost.append(each)
    assert lost == []


def places(path: str) -> Iterator[list[str]]:
    """Where a path may lead: what is told of messages may stand in the system's, which some formats have apart."""
    yield path.replace("[]", "").split(".")
    for messages, system in (("messages[].content[]", "system"), ("contents[].parts[]", "systemInstruction.parts")):
        if path.startswith(messages):
            yield path.replace(messages, system).replace("[]", "").split(".")


def has_path(value: object, keys: list[str]) -> bool:
    """Whether a path leads to something, through any item of the lists on its way."""
    if isinstance(value, list):
        return any(has_path(item, keys) for item in value)
    if not keys:
        return True
    if not isinstance(value, dict):
        return False
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in keys[0])
    return any(has_path(value[key], keys[1:]) for key in (keys[0], snake) if key in value)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("path", sources(".json"), ids=shown)
def test_what_is_lost_is_told_by_a_path_of_the_clients(path: Path, target: str) -> None:
    source = source_of(path)
    if source.name == target:
        return  # bytes pass
    body = msgspec.json.decode(path.read_bytes())
    try:
        request = source.decode_request(path.read_bytes(), *path_for(source, False))
        request.model = MODELS.get(target, request.model)
        dropped = chat_format(target).encode_request(request, PROFILES[target]).dropped
    except GatewayError:
        return
    told = [source.own_path(each) for each in dropped if each != "messages[].position"]  # that a message has moved
    assert [each for each in told if not any(has_path(body, keys) for keys in places(each))] == []


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("path", sources(".response.json"), ids=shown)
def test_an_answer_becomes_what_is_written(path: Path, target: str, golden_update: bool) -> None:
    try:
        response = source_of(path).decode_response(path.read_bytes())
        encoded = chat_format(target).encode_response(response)
        result: object = {"dropped": encoded.dropped, "body": msgspec.json.decode(encoded.body)}
    except GatewayError as error:
        result = {"refused": {"code": error.code, "message": error.message}}
    name = path.name.removesuffix(".json")
    compare(path.with_name(f"{name}.{target}.json"), as_json(result), golden_update)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("path", sources(".response.json"), ids=shown)
def test_an_answer_loses_the_same_as_a_stream(path: Path, target: str) -> None:
    source = source_of(path)
    if source.name == target:
        return  # bytes pass
    try:
        response = source.decode_response(path.read_bytes())
        whole = chat_format(target).encode_response(response).dropped
    except GatewayError:
        return
    encoder = chat_format(target).stream_encoder(StreamShape(model="asked-model"))
    encoder.encode(events_of(response))
    assert set(encoder.dropped) == set(whole)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("path", streams(), ids=shown)
def test_a_stream_becomes_what_is_written(path: Path, target: str, golden_update: bool) -> None:
    client = chat_format(target)
    shape = StreamShape(model="asked-model", created=1_700_000_000, request_id="0" * 32)
    answer = TranslatedStream(source_of(path).stream_decoder(), client.stream_encoder(shape), client, shape)
    try:
        result = as_written(answer.feed(stream_in(path), True), target)
    except GatewayError as error:
        result = f"refused: {error}\n".encode()
    compare(stream_for(path, target), result, golden_update)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("path", streams(), ids=shown)
def test_a_stream_cut_into_single_bytes_becomes_the_same(path: Path, target: str) -> None:
    client = chat_format(target)
    shape = StreamShape(model="asked-model", created=1_700_000_000, request_id="0" * 32)
    data = stream_in(path)
    answer = TranslatedStream(source_of(path).stream_decoder(), client.stream_encoder(shape), client, shape)
    try:
        pieces = [answer.feed(data[at : at + 1], at + 1 == len(data)) for at in range(len(data))]
    except GatewayError as error:
        pieces = [f"refused: {error}\n".encode()]
    expected = stream_for(path, target).read_bytes()
    if expected.startswith(b"refused"):
        assert pieces[-1].startswith(b"refused")
    else:
        assert as_written(b"".join(pieces), target) == expected
