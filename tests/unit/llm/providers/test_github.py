from entresol.llm.provider import Url, parse_url
from entresol.llm.registry import provider_named

PROVIDER = provider_named("github")


def test_chat_goes_where_its_documentation_says() -> None:
    assert PROVIDER.url(PROVIDER.format_name("chat"), "a-model", False, None) == Url(
        "https", "models.github.ai", 443, "/inference/chat/completions"
    )


def test_its_paths_stand_behind_another_address_as_well() -> None:
    url = PROVIDER.url("openai-chat", "a-model", False, parse_url("http://mock:9"))
    assert (url.host, url.port, url.path) == ("mock", 9, "/inference/chat/completions")


def test_what_it_refuses_is_left_out_and_reported() -> None:
    assert "metadata" in PROVIDER.profile("a-model").unsupported
