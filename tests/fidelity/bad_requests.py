"""What every request must become, however wrong: a request for the provider, or an error that its client reads."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec

from architecture.tree import DOCS
from entresol.core.errors import GatewayError
from entresol.llm.call import Ends, LLMCall
from entresol.llm.format import Format, Profile, TranslatableFormat
from entresol.llm.json_fields import read_fields
from entresol.llm.prompt_rules import check_prompt
from entresol.llm.provider import Auth, Provider, check_model_name
from entresol.llm.registry import format_named
from fidelity.matrix import CLIENTS, PROVIDERS, profile
from fidelity.wires import WIRES

GOLDEN: Final = Path(__file__).parents[1] / "golden"
CODES: Final = set(re.findall(r"^## (\w+)$", (DOCS / "reference" / "errors.md").read_text(encoding="utf-8"), re.M))
LONGEST: Final = 500
"""Characters of a message: nobody wants to read their own document in it."""

EMBEDDINGS: Final = (
    "openai-embeddings", "cohere-embed", "gemini-embeddings", "gemini-embed-content", "bedrock-embeddings",
    "ollama-embed", "vertex-embeddings",
)  # fmt: skip
RERANKS: Final = ("rerank", "cohere-rerank")
COUNTS: Final = ("anthropic-count-tokens",)
PASSED: Final = ("openai-completions", "bedrock-invoke", "openai-moderations", "openai-images", "openai-speech")
"""Formats that reach no other."""
ALL: Final = (*CLIENTS, *EMBEDDINGS, *RERANKS, *COUNTS, *PASSED)
TARGETS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(CLIENTS, PROVIDERS),
    **dict.fromkeys(EMBEDDINGS, EMBEDDINGS),
    **dict.fromkeys(RERANKS, RERANKS),
    **{name: (name,) for name in (*COUNTS, *PASSED)},
}
"""The wires that a client's calls may be sent in."""
PATHS: Final = {
    "gemini": "/v1beta/models/a-model:generateContent",
    "gemini-embeddings": "/v1beta/models/a-model:batchEmbedContents",
    "gemini-embed-content": "/v1beta/models/a-model:embedContent",
    "vertex-embeddings": "/v1/projects/p/locations/l/publishers/google/models/a-model:predict",
    "bedrock-converse": "/model/a-model/converse",
    "bedrock-invoke": "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/invoke",
    "bedrock-embeddings": "/model/amazon.titan-embed-text-v2:0/invoke",
}
MODELS: Final = {
    "bedrock-converse": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "bedrock-invoke": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "bedrock-embeddings": "amazon.titan-embed-text-v2:0",
}


@cache
def ends_of(client: str, native: str) -> Ends:
    class Somewhere(Provider):
        name: ClassVar[str] = "somewhere"
        auth = Auth(b"authorization")
        formats = {format_named(native).operation: native}
        paths = {native: "/"}

        def profile(self, model: str, version: str = "") -> Profile:
            return profile(native)

    return Ends(format_named(client), Somewhere(), format_named(native))


def sent(client: str, native: str, body: bytes) -> bytes:
    """What goes to the provider, by the steps of a call. Raises what the client gets."""
    wire_format, path = format_named(client), PATHS.get(client, "")
    fields = read_fields(body)
    opened = wire_format.inspect(fields, path, "")
    check_prompt(wire_format, fields)
    if opened.model is not None:
        check_model_name(opened.model)
    call = LLMCall(ends_of(client, native), MODELS.get(native, "a-model"), "0" * 32)
    return call.request(opened, opened.stream, body, path, "")


def faults(client: str, body: bytes, changed: str | None = None, natives: tuple[str, ...] = ()) -> Iterator[str]:
    """What is wrong with what becomes of a body, which is a sound one but for the field `changed`."""
    wire_format = format_named(client)
    if isinstance(wire_format, TranslatableFormat):
        try:  # most are refused here, which need not be seen once for each provider
            read_fields(body)
            wire_format.decode_request(body, PATHS.get(client, ""))
        except GatewayError as error:
            yield from faults_of_error(wire_format, error, body, changed)
            return
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
            yield f"reading: {type(error).__name__}: {error}"[:LONGEST]
            return
    for native in natives or TARGETS[client]:
        try:
            out = sent(client, native, body)
        except GatewayError as error:
            for fault in faults_of_error(wire_format, error, body, changed):
                yield f"for {native}: {fault}"
            continue
        except Exception as error:  # noqa: BLE001  # the same
            yield f"for {native}: {type(error).__name__}: {error}"[:LONGEST]
            continue
        yield from faults_of_request(native, out)


def faults_of_request(native: str, out: bytes) -> Iterator[str]:
    """What is wrong with what is sent: it has to be a request in the provider's wire."""
    wire_format = format_named(native)
    try:
        out.decode()
        fields = read_fields(out)
        if isinstance(wire_format, TranslatableFormat):
            wire_format.decode_request(out, PATHS.get(native, ""))
        else:
            wire_format.inspect(fields, PATHS.get(native, ""), "")
    except Exception as error:  # noqa: BLE001  # the same
        yield f"what {native} gets is no request: {type(error).__name__}: {error}"[:LONGEST]


def faults_of_error(client: Format, error: GatewayError, body: bytes, changed: str | None) -> Iterator[str]:
    """What is wrong with an error that a client gets."""
    shown = f"{error.code} {error.message}"[:LONGEST]
    if error.side != "client" or error.status not in (400, 413):
        yield f"it is not the client's fault: {error.status} {shown}"
    if error.code not in CODES:
        yield f"not documented: {shown}"
    if len(error.message) > LONGEST:
        yield f"too long: {shown}"
    if any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in error.message):
        yield f"not printable: {shown!r}"
    yield from faults_of_shape(client, error)
    path = path_in(error)
    if error.code == "unsupported_by_provider":
        strange = set(re.split(r"\W+", path or "?")) - vocabulary(client.name) - words_of(body) - {""}
        if strange:
            yield f"not in the client's words {strange}: {shown}"
    elif changed is not None and error.code == "bad_request" and (path is None or not is_about(path, changed)):
        yield f"not about {changed}: {shown}"


@cache
def vocabulary(client: str) -> frozenset[str]:
    """The words of a wire."""
    return frozenset().union(*(words_of(msgspec.json.encode(body)) for body in seeds(client)))


def words_of(body: bytes) -> frozenset[str]:
    """The names of a body's fields."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(word for at in places(value) for word in re.split(r"\W+", str(at[-1])))


def path_in(error: GatewayError) -> str | None:
    """The field that an error names."""
    found = re.match(r"([^\s:]+)(?:: | is not supported by provider)", error.message)
    return None if found is None else found[1]


def is_about(path: str, changed: str) -> bool:
    """Whether a path is that of a field, of what it stands in, or of something beside it or in it."""
    outer = changed.rpartition(".")[0]
    return (
        changed.startswith((f"{path}.", f"{path}["))
        or path == changed
        or path.startswith((f"{changed}.", f"{changed}["))
        or (path.startswith(outer) if outer else "." not in path)
    )


SHAPES: Final[dict[str, dict[str, type]]] = {
    "openai": {"error.message": str, "error.type": str},
    "anthropic": {"type": str, "error.type": str, "error.message": str},
    "gemini": {"error.code": int, "error.status": str, "error.message": str},
    "vertex": {"error.code": int, "error.status": str, "error.message": str},
    "bedrock": {"message": str, "__type": str},
    "cohere": {"message": str},
    "ollama": {"error": str},
    "tgi": {"error": str, "error_type": str},
    "rerank": {"error.message": str},
}
"""The fields that official clients read, by the first word of a format's name."""


def faults_of_shape(client: Format, error: GatewayError) -> Iterator[str]:
    """What is wrong with an error as the client gets it."""
    content_type, body = client.encode_error(error.status, error.code, error.message, "0" * 32)
    wire = msgspec.json.decode(body)
    family = client.name.partition("-")[0]
    for path, kind in SHAPES[family].items():
        value = wire
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if not isinstance(value, kind) or not value:
            yield f"{path} is {value!r} in {body!r}"
    if family == "anthropic" and wire["type"] != "error":
        yield f"not an error: {body!r}"
    heard = client.decode_error(error.status, body)
    if heard is None or heard.message != error.message:
        yield f"it reads back as {heard}"
    if not content_type.startswith(b"application/json"):
        yield f"its type is {content_type!r}"


# Bodies to spoil.


@cache
def seeds(client: str) -> tuple[Any, ...]:
    """Sound requests that together hold every field."""
    found = []
    if client in WIRES:
        wire = WIRES[client]
        found = [wire.least(), *(wire.complete(each.instance) for each in wire.specimens())]
    for path in sorted((GOLDEN / client.replace("-", "_")).glob("*.json")):
        if "." not in path.stem:
            try:
                found.append(msgspec.json.decode(path.read_bytes()))
            except msgspec.DecodeError:
                continue
    return tuple(each for each in found if isinstance(each, dict) and is_sound(client, each))


def is_sound(client: str, body: Any) -> bool:
    wire_format = format_named(client)
    try:
        if isinstance(wire_format, TranslatableFormat):
            wire_format.decode_request(msgspec.json.encode(body), PATHS.get(client, ""))
    except GatewayError:
        return False
    return True


Step = str | int


def places(value: Any, at: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """Where values stand, here and below."""
    if at:
        yield at
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*at, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*at, index))


def replaced(value: Any, at: tuple[Step, ...], new: Any) -> Any:
    """A copy with something else in a place."""
    if not at:
        return new
    step = at[0]
    if isinstance(value, dict):
        return {name: replaced(inner, at[1:], new) if name == step else inner for name, inner in value.items()}
    return [replaced(inner, at[1:], new) if index == step else inner for index, inner in enumerate(value)]


def value_at(body: Any, at: tuple[Step, ...]) -> Any:
    """What stands in a place."""
    for step in at:
        body = body[step]
    return body


def written(at: tuple[Step, ...]) -> str:
    """A place as messages write it: `messages[2].content`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at).removeprefix(".")


def kind_of(body: Any, at: tuple[Step, ...]) -> str:
    """A place without numbers, with the kinds of the objects on the way: one of each is enough."""
    kind, value = "", body
    for step in at:
        value = value[step]
        kind += "[]" if isinstance(step, int) else f".{step}"
        if isinstance(value, dict):
            tag = next((value[name] for name in ("type", "role") if isinstance(value.get(name), str)), "")
            kind += f"<{tag}>" if tag else f"<{','.join(value)}>" if len(value) == 1 else ""
    return kind


@cache
def spoilt_places(client: str) -> tuple[tuple[Any, tuple[Step, ...]], ...]:
    """Requests and a place in each: every field of the wire once."""
    known: dict[str, tuple[Any, tuple[Step, ...]]] = {}
    for body in seeds(client):
        for at in places(body):
            known.setdefault(kind_of(body, at), (body, at))
    return tuple(known.values())
