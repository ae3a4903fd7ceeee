from entresol.llm.model_config import HuggingfaceOptions, ModelOptions
from entresol.llm.provider import Url, parse_url
from entresol.llm.registry import provider_named

PROVIDER = provider_named("huggingface")


def test_chat_goes_to_the_router() -> None:
    assert PROVIDER.url("openai-chat", "m", False, None) == Url(
        "https", "router.huggingface.co", 443, "/v1/chat/completions"
    )


def test_clients_of_tgi_reach_its_own_wire_at_an_address_of_ones_own() -> None:
    mock = parse_url("http://mock")
    made = PROVIDER.configured(ModelOptions(upstream_url="http://mock"))
    assert made.format_name("chat", "tgi-generate") == "tgi-generate"
    assert made.url("tgi-generate", "m", False, mock).path == "/generate"
    assert made.url("tgi-generate", "m", True, mock).path == "/generate_stream"
    assert PROVIDER.format_name("chat", "tgi-generate") == "openai-chat"  # the router has no such path


def test_options_become_header_fields() -> None:
    made = PROVIDER.configured(ModelOptions(huggingface=HuggingfaceOptions(use_cache=False, wait_for_model=True)))
    assert made.fields == ((b"x-use-cache", b"false"), (b"x-wait-for-model", b"true"))
    assert PROVIDER.configured(ModelOptions()).fields == ()
