"""What an AI plugin tells log and metrics plugins about a model call.

`ai-proxy` (and whatever else calls a model) writes these slots; `file-log` and `prometheus` read them in their `log`
phase. Under which names the log record shows them is in `log_ai`.
"""

from collections.abc import Sequence
from typing import Final, Literal

from entresol.core.slots import Slot

RequestMode = Literal["oneshot", "stream", "realtime"]


class AiMeta:
    """Which model was asked, and how. None: not known (yet)."""

    __slots__ = (
        "dropped",
        "estimated",
        "llm_latency_ms",
        "plugin_id",
        "provider",
        "request_mode",
        "request_model",
        "response_model",
    )

    def __init__(
        self,
        *,
        plugin_id: str,
        provider: str,
        request_model: str | None = None,
        response_model: str | None = None,
        llm_latency_ms: int | None = None,
        request_mode: RequestMode | None = None,
        dropped: Sequence[str] = (),
        estimated: Sequence[str] = (),
    ) -> None:
        self.plugin_id = plugin_id
        """Id of the plugin instance that made the call."""
        self.provider = provider
        """`openai`, `anthropic`, …"""
        self.request_model = request_model
        """The model the provider was asked for."""
        self.response_model = response_model
        """The model the provider says it used."""
        self.llm_latency_ms = llm_latency_ms
        """From sending the request to the last byte of the answer."""
        self.request_mode = request_mode
        self.dropped = dropped
        """What the other side's format could not say: of the request by its path, of the answer as `response.NAME`."""
        self.estimated = estimated
        """What of the answer is the gateway's own estimate. Where there is any, no model was called."""

    def _parts(self) -> tuple[object, ...]:
        return (
            self.plugin_id,
            self.provider,
            self.request_model,
            self.response_model,
            self.llm_latency_ms,
            self.request_mode,
            self.dropped,
            self.estimated,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AiMeta) and self._parts() == other._parts()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"AiMeta{self._parts()!r}"


class AiUsage:
    """What the call used. None: nobody told; 0 really means none."""

    __slots__ = (
        "completion_tokens",
        "completion_tokens_details",
        "cost",
        "is_partial",
        "price_id",
        "price_version",
        "prompt_tokens",
        "prompt_tokens_details",
        "time_per_token_ms",
        "time_to_first_token_ms",
        "total_tokens",
    )

    def __init__(
        self,
        *,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
        total_tokens: int | None = None,
        prompt_tokens_details: dict[str, int] | None = None,
        completion_tokens_details: dict[str, int] | None = None,
        cost: float | None = None,
        time_to_first_token_ms: float | None = None,
        time_per_token_ms: float | None = None,
        price_id: str | None = None,
        price_version: str | None = None,
        is_partial: bool = False,
    ) -> None:
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens
        self.total_tokens = total_tokens
        self.prompt_tokens_details = prompt_tokens_details
        """Such as `cached_tokens`, `audio_tokens`; part of `prompt_tokens`."""
        self.completion_tokens_details = completion_tokens_details
        """Such as `reasoning_tokens`; part of `completion_tokens`."""
        self.cost = cost
        """In the currency of the configured prices, US dollars as a rule; None when no price is known: never 0."""
        self.price_id = price_id
        """The price it was computed by, see `entresol.llm.prices.Charge`; None when no price is known."""
        self.price_version = price_version
        """Of the price table, or `config`."""
        self.is_partial = is_partial
        """The answer broke off before the provider had told everything: tokens and cost are the least it was."""
        self.time_to_first_token_ms = time_to_first_token_ms
        self.time_per_token_ms = time_per_token_ms
        """Mean milliseconds per completion token after the first byte."""

    def _parts(self) -> tuple[object, ...]:
        return (
            self.prompt_tokens,
            self.completion_tokens,
            self.total_tokens,
            self.prompt_tokens_details,
            self.completion_tokens_details,
            self.cost,
            self.time_to_first_token_ms,
            self.time_per_token_ms,
            self.price_id,
            self.price_version,
            self.is_partial,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AiUsage) and self._parts() == other._parts()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"AiUsage{self._parts()!r}"


class AiPayload:
    """The bodies of the call, as text; written only when payloads are to be logged."""

    __slots__ = ("request", "response")

    def __init__(self, *, request: str | None = None, response: str | None = None) -> None:
        self.request = request
        self.response = response

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AiPayload) and (self.request, self.response) == (other.request, other.response)

    __hash__ = None  # type: ignore[assignment]  # mutable


AI_META: Final[Slot[AiMeta]] = Slot("ai.proxy.meta")
AI_USAGE: Final[Slot[AiUsage]] = Slot("ai.proxy.usage")
AI_PAYLOAD: Final[Slot[AiPayload]] = Slot("ai.proxy.payload")
"""Write this slot only if the plugin's `logging.log_payloads` is on."""
AI_LOG_STATISTICS: Final[Slot[bool]] = Slot("ai.proxy.log_statistics")
"""True if the plugin's `logging.log_statistics` is on: log records then show meta and usage. Metrics always count."""
