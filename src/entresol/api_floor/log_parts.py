"""The objects of the log record, in the order in which they are written. Unset fields are left out."""

import msgspec
from msgspec import UNSET, Raw, UnsetType


class Part(msgspec.Struct, gc=False):
    """An object in the record."""


class Response(Part):
    """The answer that the client got."""

    status: int
    headers: Raw
    size: int


class Latencies(Part):
    """Whole milliseconds."""

    request: int
    kong: int
    proxy: int
    receive: int


class Try(Part):
    """An attempt to reach the upstream."""

    balancer_start: int
    ip: str
    port: int
    state: str | UnsetType = UNSET
    code: int | UnsetType = UNSET


class Fault(Part):
    """Why the gateway answered itself."""

    code: str
    message: str | UnsetType = UNSET


class Meta(Part, omit_defaults=True):
    """Which model was called, and how."""

    plugin_id: str
    provider_name: str
    request_model: str | None = None
    response_model: str | None = None
    llm_latency: int | None = None
    request_mode: str | None = None


class Usage(Part, omit_defaults=True):
    """What a model call used."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: dict[str, int] | None = None
    completion_tokens_details: dict[str, int] | None = None
    cost: float | None = None
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


class Ai(Part):
    """What AI plugins tell."""

    proxy: Call


class LogRecord(Part):
    """The record; typed parts, because they encode in half the time of dicts."""

    request: Raw
    response: Response
    latencies: Latencies
    tries: tuple[Try, ...]
    client_ip: str
    started_at: int
    source: str
    workspace_name: str
    upstream_uri: str | UnsetType
    upstream_status: str | UnsetType
    route: Raw | UnsetType
    service: Raw | UnsetType
    consumer: Raw | UnsetType
    authenticated_entity: Raw | UnsetType
    correlation_id: str | UnsetType
    error: Fault | UnsetType
    ai: Ai | UnsetType
