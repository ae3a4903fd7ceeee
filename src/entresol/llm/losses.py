"""How encoders keep the promise of translation: what they cannot say is reported or refused, never silently lost."""

from collections.abc import Callable
from functools import cache
from typing import Final

import msgspec

from entresol.core.errors import ClientError
from entresol.llm.json_fields import in_brief
from entresol.llm.profile import Profile
from entresol.llm.types import CallRequest, ChatRequest, JsonObject, Native, Tool, ToolCall, ToolResult


class Losses:
    """Keeps the promise that nothing of a request is silently lost while one encoder works on it.

    `claimed` names the canonical fields the encoder writes. `finish` reports every other field the client set and,
    when the formats differ, every key of every `extra`; `drop` reports what only the encoder can see.
    """

    def __init__(self, request: CallRequest, format_name: str, claimed: frozenset[str], profile: Profile) -> None:
        self._request = request
        self._is_foreign = request.origin != format_name
        self._profile = profile
        self._claimed = _kept(claimed, profile.unsupported)
        self._dropped: list[str] = []

    def takes(self, name: str) -> bool:
        """False when the provider does not take this canonical field: leave it out, it is reported."""
        return name not in self._profile.unsupported

    @property
    def takes_cache_marks(self) -> bool:
        """True when marks of what to cache can be written: the model takes them, or its own client set them."""
        return self._profile.takes_cache_marks or not self._is_foreign

    @property
    def has_document_urls(self) -> bool:
        """True when documents go as `document_url`."""
        return self._profile.has_document_urls

    @property
    def is_own(self) -> bool:
        """True when the request came from the very format it is written in."""
        return not self._is_foreign

    def own(self, extra: JsonObject) -> JsonObject:
        """What of an `extra` to write: all of it in the format it came from, nothing in another."""
        return {} if self._is_foreign else extra

    def with_own(self, wire: JsonObject, extra: JsonObject) -> JsonObject:
        """`wire`, changed: with what of an `extra` is to be written."""
        if extra and not self._is_foreign:
            wire.update(extra)
        return wire

    def drop(self, path: str) -> None:
        """Report a loss, such as `messages[].content[].image_url.detail`."""
        if path not in self._dropped:
            self._dropped.append(path)

    def refuse(self, path: str, why: str) -> "Unsupported":
        """The error to raise for a field that must not be left out."""
        return Unsupported(self._profile.provider, path, why)

    def _drop_extras(self, request: CallRequest) -> None:
        self._drop_all("", request.extra)
        if isinstance(request, ChatRequest):
            self._drop_chat_extras(request)

    def _drop_chat_extras(self, request: ChatRequest) -> None:
        if request.reasoning is not None:
            self._drop_all("reasoning.", request.reasoning.extra)
        for tool in request.tools:
            if type(tool) is Tool and tool.extra:
                self._drop_all("tools[].", tool.extra)
        for message in request.messages:
            if message.extra:
                self._drop_all("messages[].", message.extra)
            for part in message.parts:
                if type(part) is Native:
                    continue
                if part.extra:
                    self._drop_all(_PLACES.get(type(part), "messages[].content[]."), part.extra)
                if type(part) is ToolResult:
                    self._drop_result_extras(part)

    def _drop_result_extras(self, result: ToolResult) -> None:
        for part in result.parts:
            if type(part) is not Native and part.extra:
                self._drop_all("messages[].tool_results[].content[].", part.extra)

    def _drop_all(self, where: str, extra: JsonObject) -> None:
        for name in extra:
            self.drop(where + name)

    def finish(self) -> list[str]:
        """Everything dropped, without repetitions."""
        request = self._request
        for name, default in _unclaimed(type(request), self._claimed):
            if getattr(request, name) != default:
                self.drop(name)
        if self._is_foreign:
            for name in request.binding:
                raise self.refuse(name, "it cannot be translated, and leaving it out would change the answer")
            self._drop_extras(request)
            for path in request.unread:
                self.drop(path)
        return self._dropped


_PLACES: Final = {ToolCall: "messages[].tool_calls[].", ToolResult: "messages[].tool_results[]."}
"""Where formats keep these apart from other content."""


class Unsupported(ClientError):
    """The refusal of a field that the target cannot express."""

    def __init__(self, provider: str, path: str, why: str) -> None:
        what = f"{path} is not supported by provider {provider}: {why}"
        super().__init__("unsupported_by_provider", in_brief(what))
        self._provider = provider
        self._path = path
        self._why = why

    def in_words_of(self, own_path: Callable[[str], str]) -> "Unsupported":
        """The same, with the field's path in the client's words."""
        return Unsupported(self._provider, own_path(self._path), self._why)


_NEVER_LOST: Final = frozenset(
    ("binding", "documents", "extra", "include_usage", "inputs", "messages", "origin", "query", "stream", "unread")
)
"""What every encoder writes, or nobody needs."""


@cache
def _kept(claimed: frozenset[str], unsupported: frozenset[str]) -> frozenset[str]:
    return (claimed | _NEVER_LOST) - unsupported


@cache
def _unclaimed(kind: type[CallRequest], claimed: frozenset[str]) -> tuple[tuple[str, object], ...]:
    """The fields that an encoder does not write, and their defaults."""
    return tuple(
        (field.name, field.default_factory() if field.default is msgspec.NODEFAULT else field.default)
        for field in msgspec.structs.fields(kind)
        if not field.required and field.name not in claimed
    )
