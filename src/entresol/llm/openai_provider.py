"""Providers that speak OpenAI's API: each says where it is, which parts of the API it has, and what it refuses."""

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from entresol.llm.format import Operation
from entresol.llm.profile import Profile
from entresol.llm.provider import Auth, Provider

WIRES: Final[Mapping[str, tuple[Operation, str]]] = {
    "openai-chat": ("chat", "/chat/completions"),
    "openai-responses": ("chat", "/responses"),
    "openai-input-tokens": ("count_tokens", "/responses/input_tokens"),
    "openai-completions": ("chat", "/completions"),
    "openai-embeddings": ("embeddings", "/embeddings"),
    "openai-images": ("images", "/images/generations"),
    "openai-image-edits": ("image_edits", "/images/edits"),
    "openai-speech": ("speech", "/audio/speech"),
    "openai-transcriptions": ("transcriptions", "/audio/transcriptions"),
    "openai-translations": ("translations", "/audio/translations"),
    "openai-moderations": ("moderations", "/moderations"),
    "openai-files": ("files", "/files"),
    "openai-batches": ("batches", "/batches"),
    "openai-realtime": ("realtime", "/realtime"),
    "rerank": ("rerank", "/rerank"),
    "anthropic-messages": ("chat", "/messages"),
}
"""OpenAI's wire formats, and two that servers of its API have beside them: what they do, and their path after the
version."""

WHOLE_API: Final = tuple(wire for wire in WIRES if wire.startswith("openai-"))
"""All parts of OpenAI's own API."""


class OpenAIProvider(Provider):
    """A server of OpenAI's API. `wires` are the parts it has, the one that chat is translated to first."""

    wires: ClassVar[tuple[str, ...]] = ("openai-chat", "openai-completions", "openai-embeddings")
    takes_reasoning_content: ClassVar[bool] = True
    max_tokens_field: ClassVar[Literal["max_tokens", "max_completion_tokens"]] = "max_tokens"
    takes_stream_options: ClassVar[bool] = True
    has_document_urls: ClassVar[bool] = False
    unsupported: ClassVar[tuple[str, ...]] = ()
    """Canonical request fields that it refuses."""
    auth = Auth(b"authorization", "Bearer ")
    _profile: Profile

    def __init_subclass__(cls) -> None:
        cls.paths, cls.formats = paths_of(cls.version_path, cls.wires), formats_of(cls.wires)
        cls._profile = Profile(
            provider=cls.name,
            max_tokens_field=cls.max_tokens_field,
            takes_reasoning_content=cls.takes_reasoning_content,
            takes_stream_options=cls.takes_stream_options,
            has_document_urls=cls.has_document_urls,
            unsupported=frozenset(cls.unsupported),
        )

    def profile(self, model: str, version: str = "") -> Profile:
        return self._profile


def paths_of(version_path: str, wires: tuple[str, ...]) -> dict[str, str]:
    """Where wire formats are on a server whose API begins at `version_path`."""
    return {wire: version_path + WIRES[wire][1] for wire in wires}


def formats_of(wires: tuple[str, ...]) -> dict[Operation, str]:
    """The first wire format of each operation."""
    found: dict[Operation, str] = {}
    for wire in wires:
        found.setdefault(WIRES[wire][0], wire)
    return found
