from entresol.api_floor.ai_slots import AiMeta, AiPayload, AiUsage


def test_what_nobody_told_is_none() -> None:
    meta, usage, payload = AiMeta(plugin_id="p", provider="openai"), AiUsage(), AiPayload()
    assert (meta.request_model, meta.response_model, meta.llm_latency_ms, meta.request_mode) == (None,) * 4
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, usage.cost) == (None,) * 4
    assert (payload.request, payload.response) == (None, None)


def test_equal_contents_are_equal() -> None:
    meta = AiMeta(plugin_id="p", provider="openai", request_model="m")
    assert meta == AiMeta(plugin_id="p", provider="openai", request_model="m")
    assert meta != AiMeta(plugin_id="p", provider="openai", request_model="n")
    assert AiUsage(cost=1.0) == AiUsage(cost=1.0)
    assert AiUsage(cost=1.0) != AiUsage(cost=2.0)
    assert AiPayload(request="a") == AiPayload(request="a")
    assert AiPayload(request="a") != AiPayload(response="a")


def test_bodies_are_in_no_repr() -> None:
    assert "secret" not in repr(AiPayload(request="secret"))
