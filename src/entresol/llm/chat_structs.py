"""A chat request of OpenAI's as structs: names and values of its top level and of its turns, the values unread."""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

Value = Raw | UnsetType


class ChatTurn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One turn."""

    role: str
    content: Value = UNSET
    name: Value = UNSET
    tool_calls: Value = UNSET
    tool_call_id: Value = UNSET
    refusal: Value = UNSET


class ChatTop(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The top level, in the order in which clients write most fields: decoding is faster then."""

    model: str | UnsetType = UNSET
    messages: list[ChatTurn] | UnsetType = UNSET
    max_tokens: Value = UNSET
    temperature: Value = UNSET
    max_completion_tokens: Value = UNSET
    top_p: Value = UNSET
    n: Value = UNSET
    presence_penalty: Value = UNSET
    frequency_penalty: Value = UNSET
    stop: Value = UNSET
    seed: Value = UNSET
    tools: Value = UNSET
    tool_choice: Value = UNSET
    parallel_tool_calls: Value = UNSET
    response_format: Value = UNSET
    reasoning_effort: Value = UNSET
    user: Value = UNSET
    stream: bool | UnsetType = UNSET
    stream_options: Value = UNSET
    logit_bias: Value = UNSET
    logprobs: Value = UNSET
    top_logprobs: Value = UNSET
    metadata: Value = UNSET
    modalities: Value = UNSET
    prompt_cache_key: Value = UNSET
    safety_identifier: Value = UNSET
    service_tier: Value = UNSET
    store: Value = UNSET
    verbosity: Value = UNSET


decode_chat: Final = msgspec.json.Decoder(ChatTop).decode
