from entresol.llm.provider import Url
from entresol.llm.registry import provider_named

PROVIDER = provider_named("moonshot")


def test_chat_goes_where_its_documentation_says() -> None:
    url = PROVIDER.url(PROVIDER.format_name("chat", "anthropic-messages"), "kimi-k2.5", True, None)
    assert url == Url("https", "api.moonshot.ai", 443, "/v1/chat/completions")


def test_what_it_refuses_is_left_out_and_reported() -> None:
    assert {"logit_bias", "service_tier"} <= PROVIDER.profile("kimi-k2.5").unsupported


def test_thinking_goes_back_as_it_came() -> None:
    assert PROVIDER.profile("kimi-k2.5").takes_reasoning_content
