from entresol.llm.model_config import ModelOptions
from entresol.llm.provider import Url
from entresol.llm.registry import provider_named

PROVIDER = provider_named("mistral")


def test_chat_goes_where_its_documentation_says() -> None:
    url = PROVIDER.url(PROVIDER.format_name("chat"), "mistral-large", False, None)
    assert url == Url("https", "api.mistral.ai", 443, "/v1/chat/completions")


def test_usage_comes_unasked_and_fields_it_does_not_know_are_left_out() -> None:
    profile = PROVIDER.profile("mistral-large")
    assert not profile.takes_stream_options
    assert {"logit_bias", "user", "seed"} <= profile.unsupported


def test_a_mistral_model_may_stand_on_an_ollama_server() -> None:
    assert PROVIDER.configured(ModelOptions(mistral_format="ollama")).format_name("chat") == "ollama-chat"
    assert PROVIDER.configured(ModelOptions(mistral_format="openai")) is PROVIDER


def test_documents_are_told_by_their_address() -> None:
    assert provider_named("mistral").profile("mistral-medium-latest").has_document_urls
