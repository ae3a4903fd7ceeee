"""Model calls as the log record shows them, under Kong's names: `ai.proxy`. What is not known is left out."""

from typing import Final

import msgspec

from entresol.api_floor.ai_slots import AI_LOG_STATISTICS, AI_PAYLOAD, AI_USAGE, AiMeta, AiPayload, AiUsage
from entresol.api_floor.exchange import Exchange
from entresol.api_floor.log_text import decimal, escaped, escaped_once, number

_encode: Final = msgspec.json.Encoder().encode


def call_member(exchange: Exchange, meta: AiMeta) -> str:
    """`,"ai":{…}`: what an AI plugin tells of its call; nothing when that is not to be logged."""
    payload = exchange.get(AI_PAYLOAD)
    if exchange.get(AI_LOG_STATISTICS):
        usage = exchange.get(AI_USAGE)
        shown_usage = "" if usage is None else f',"usage":{usage_json(usage)}'
        shown_payload = "" if payload is None else f',"payload":{payload_json(payload)}'
        return f',"ai":{{"proxy":{{"meta":{meta_json(meta)}{shown_usage}{shown_payload}}}}}'
    return "" if payload is None else f',"ai":{{"proxy":{{"payload":{payload_json(payload)}}}}}'


def meta_json(meta: AiMeta) -> str:
    """Which model was asked."""
    asked, used, latency, mode = meta.request_model, meta.response_model, meta.llm_latency_ms, meta.request_mode
    shown_asked = "" if asked is None else f',"request_model":"{escaped(asked)}"'
    shown_used = "" if used is None else f',"response_model":"{escaped(used)}"'
    shown_latency = "" if latency is None else f',"llm_latency":{number(latency)}'
    shown_mode = "" if mode is None else f',"request_mode":"{escaped(mode)}"'
    return (
        f'{{"plugin_id":"{escaped(meta.plugin_id)}","provider_name":"{escaped(meta.provider)}"'
        f"{shown_asked}{shown_used}{shown_latency}{shown_mode}}}"
    )


def usage_json(usage: AiUsage) -> str:
    """What the call used."""
    prompt, completion, total = usage.prompt_tokens, usage.completion_tokens, usage.total_tokens
    cost, first, each = usage.cost, usage.time_to_first_token_ms, usage.time_per_token_ms
    shown_prompt = "" if prompt is None else f',"prompt_tokens":{number(prompt)}'
    shown_completion = "" if completion is None else f',"completion_tokens":{number(completion)}'
    shown_total = "" if total is None else f',"total_tokens":{number(total)}'
    of_prompt = _details("prompt_tokens_details", usage.prompt_tokens_details)
    of_completion = _details("completion_tokens_details", usage.completion_tokens_details)
    shown_cost = "" if cost is None else f',"cost":{_encode(cost).decode()}'
    shown_first = "" if first is None else f',"time_to_first_token":{decimal(first)}'
    shown_each = "" if each is None else f',"time_per_token":{decimal(each)}'
    members = (
        f"{shown_prompt}{shown_completion}{shown_total}{of_prompt}{of_completion}{shown_cost}{shown_first}{shown_each}"
    )
    return f"{{{members[1:]}}}"


def _details(name: str, details: dict[str, int] | None) -> str:
    return "" if details is None else f',"{name}":{_encode(details).decode()}'


def payload_json(payload: AiPayload) -> str:
    """The bodies, as text."""
    request, response = payload.request, payload.response
    shown_request = "" if request is None else f',"request":"{escaped_once(request)}"'
    shown_response = "" if response is None else f',"response":"{escaped_once(response)}"'
    members = shown_request + shown_response
    return f"{{{members[1:]}}}"
