"""Every golden case of every format that is translated but not chat, translated into every other one of its operation.

In `golden/<format>/`, with the format's name in snake case:

    case.json              a request            case.<target>.json             what the target's provider gets
    case.response.json     an answer            case.response.<target>.json    what the target's client gets
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from entresol.core.errors import GatewayError
from entresol.llm.format import ChatFormat, Operation, Profile, TranslatableFormat
from entresol.llm.registry import format_named
from golden.test_translations import as_json, compare, shown

HERE = Path(__file__).parent
OPERATIONS: tuple[Operation, ...] = ("count_tokens", "embeddings", "rerank")
MODELS = {"bedrock-embeddings": "amazon.titan-embed-text-v2:0"}
"""Models for which a format writes something particular."""


def translatable() -> dict[str, TranslatableFormat[Any, Any]]:
    """The formats that have golden cases, by name."""
    found: dict[str, TranslatableFormat[Any, Any]] = {}
    for folder in sorted(HERE.iterdir()):
        name = folder.name.replace("_", "-")
        if folder.is_dir() and name not in ("declarative", "plugins") and not name.startswith("-"):
            wire_format = format_named(name)
            if isinstance(wire_format, TranslatableFormat) and not isinstance(wire_format, ChatFormat):
                found[name] = wire_format
    return found


FORMATS = translatable()


def cases(suffix: str) -> list[Any]:
    """Each case with each format it can become."""
    found = []
    for name, source in FORMATS.items():
        paths = sorted((HERE / name.replace("-", "_")).glob(f"*{suffix}"))
        for path in [path for path in paths if "." not in path.name.removesuffix(suffix)]:
            for target, other in FORMATS.items():
                if other.operation == source.operation:
                    found.append(pytest.param(source, other, path, id=f"{shown(path)}-{target}"))
    return found


def url_path(source: TranslatableFormat[Any, Any]) -> str:
    """Where a client sends a request, in formats that say something there."""
    method = getattr(source, "method", None)
    return "" if method is None else f"/v1beta/models/a-model:{method}"


@pytest.mark.parametrize(("source", "target", "path"), cases(".json"))
def test_a_request_becomes_what_is_written(
    source: TranslatableFormat[Any, Any], target: TranslatableFormat[Any, Any], path: Path, golden_update: bool
) -> None:
    try:
        request = source.decode_request(path.read_bytes(), url_path(source))
        request.model = MODELS.get(target.name, "a-model")
        encoded = target.encode_request(request, Profile(provider="a-provider", takes_cache_marks=True))
        result: object = {"dropped": encoded.dropped, "body": msgspec.json.decode(encoded.body)}
    except GatewayError as error:
        result = {"refused": {"code": error.code, "message": error.message}}
    compare(path.with_name(f"{path.stem}.{target.name}.json"), as_json(result), golden_update)


@pytest.mark.parametrize(("source", "target", "path"), cases(".response.json"))
def test_an_answer_becomes_what_is_written(
    source: TranslatableFormat[Any, Any], target: TranslatableFormat[Any, Any], path: Path, golden_update: bool
) -> None:
    try:
        encoded = target.encode_response(source.decode_response(path.read_bytes()))
        result: object = {"dropped": encoded.dropped, "body": msgspec.json.decode(encoded.body)}
    except GatewayError as error:
        result = {"refused": {"code": error.code, "message": error.message}}
    name = path.name.removesuffix(".json")
    compare(path.with_name(f"{name}.{target.name}.json"), as_json(result), golden_update)


@pytest.mark.parametrize(("source", "target", "path"), cases(".json"))
def test_a_field_that_nobody_knows_is_never_silently_lost(
    source: TranslatableFormat[Any, Any], target: TranslatableFormat[Any, Any], path: Path
) -> None:
    if source is target:
        return  # bytes pass
    body = msgspec.json.decode(path.read_bytes())
    body["unheard"] = 1
    try:
        request = source.decode_request(msgspec.json.encode(body), url_path(source))
        encoded = target.encode_request(request, Profile(provider="a-provider", takes_cache_marks=True))
    except GatewayError:
        return
    assert "unheard" in encoded.dropped
