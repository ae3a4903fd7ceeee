"""Model calls as the log record shows them, under Kong's names: `ai.proxy`."""

from typing import Final

import msgspec

from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_PAYLOAD, AI_USAGE, AiMeta, AiPayload, AiUsage
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_text import escaped, escaped_once

_encode: Final = msgspec.json.Encoder().encode


def call_json(exchange: Exchange, meta: AiMeta) -> str | None:
    """What an AI plugin tells of its call; None when that is not to be logged."""
    payload = exchange.get(AI_PAYLOAD)
    members = []
    if exchange.get(AI_LOG_STATISTICS):
        usage = exchange.get(AI_USAGE)
        members.append('"meta":' + meta_json(meta))
        if usage is not None:
            members.append('"usage":' + usage_json(usage))
    elif payload is None:
        return None
    if payload is not None:
        members.append('"payload":' + payload_json(payload))
    return '{"proxy":{' + ",".join(members) + "}}"


def meta_json(meta: AiMeta) -> str:
    """Which model was asked; what is not known is left out."""
    asked, used, latency, mode = meta.request_model, meta.response_model, meta.llm_latency_ms, meta.request_mode
    shown_asked = "" if asked is None else f',"request_model":"{escaped(asked)}"'
    shown_used = "" if used is None else f',"response_model":"{escaped(used)}"'
    shown_latency = "" if latency is None else f',"llm_latency":{latency}'
    shown_mode = "" if mode is None else f',"request_mode":"{escaped(mode)}"'
    return (
        f'{{"plugin_id":"{escaped(meta.plugin_id)}","provider_name":"{escaped(meta.provider)}"'
        f"{shown_asked}{shown_used}{shown_latency}{shown_mode}}}"
    )


def usage_json(usage: AiUsage) -> str:
    """What the call used; what is not known is left out."""
    members: list[str] = []
    prompt, completion, total = usage.prompt_tokens, usage.completion_tokens, usage.total_tokens
    of_prompt, of_completion = usage.prompt_tokens_details, usage.completion_tokens_details
    cost, first, each = usage.cost, usage.time_to_first_token_ms, usage.time_per_token_ms
    if prompt is not None:
        members.append(f'"prompt_tokens":{prompt}')
    if completion is not None:
        members.append(f'"completion_tokens":{completion}')
    if total is not None:
        members.append(f'"total_tokens":{total}')
    if of_prompt is not None:
        members.append('"prompt_tokens_details":' + _encode(of_prompt).decode())
    if of_completion is not None:
        members.append('"completion_tokens_details":' + _encode(of_completion).decode())
    if cost is not None:
        members.append('"cost":' + _encode(cost).decode())
    if first is not None:
        members.append('"time_to_first_token":' + _encode(first).decode())
    if each is not None:
        members.append('"time_per_token":' + _encode(each).decode())
    return "{" + ",".join(members) + "}"


def payload_json(payload: AiPayload) -> str:
    """The bodies, as text."""
    members: list[str] = []
    if payload.request is not None:
        members.append(f'"request":"{escaped_once(payload.request)}"')
    if payload.response is not None:
        members.append(f'"response":"{escaped_once(payload.response)}"')
    return "{" + ",".join(members) + "}"
