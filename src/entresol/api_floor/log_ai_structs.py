"""What AI plugins tell in the log record, in the order in which it is written. Unset fields are left out."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType


class Part(msgspec.Struct, gc=False):
    """An object in the record."""


class Meta(Part, omit_defaults=True):
    """Which model was called, and how."""

    plugin_id: str
    provider_name: str
    request_model: str | None = None
    response_model: str | None = None
    llm_latency: int | None = None
    request_mode: str | None = None
    dropped: Sequence[str] = ()
    estimated: Sequence[str] = ()


class Usage(Part, omit_defaults=True):
    """What a model call used. `cost` and `price_id` are always there: null says that no price is known."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: dict[str, int] | None = None
    completion_tokens_details: dict[str, int] | None = None
    cost: float | UnsetType | None = UNSET
    price_id: str | UnsetType | None = UNSET
    price_version: str | None = None
    partial: bool = False
    time_to_first_token: float | None = None
    time_per_token: float | None = None


class Payload(Part, omit_defaults=True):
    """The bodies of a model call."""

    request: str | None = None
    response: str | None = None


class Call(Part):
    """What an AI plugin tells of a model call."""

    meta: Meta | UnsetType = UNSET
    usage: Usage | UnsetType = UNSET
    payload: Payload | UnsetType = UNSET
