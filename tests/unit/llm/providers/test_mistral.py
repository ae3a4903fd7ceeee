import json

import pytest

from entresol.llm.call import Ends, LLMCall
from entresol.llm.model_config import ModelOptions
from entresol.llm.provider import Url
from entresol.llm.registry import format_named, provider_named

PROVIDER = provider_named("mistral")


def test_chat_goes_where_its_documentation_says() -> None:
    url = PROVIDER.url(PROVIDER.format_name("chat"), "mistral-large", False, None)
    assert url == Url("https", "api.mistral.ai", 443, "/v1/chat/completions")


def test_usage_comes_unasked_and_fields_it_does_not_know_are_left_out() -> None:
    profile = PROVIDER.profile("mistral-large")
    assert not profile.takes_stream_options
    assert {"logit_bias", "user"} <= profile.unsupported


def test_a_mistral_model_may_stand_on_an_ollama_server() -> None:
    assert PROVIDER.configured(ModelOptions(mistral_format="ollama")).format_name("chat") == "ollama-chat"
    assert PROVIDER.configured(ModelOptions(mistral_format="openai")) is PROVIDER


def test_documents_are_told_by_their_address() -> None:
    assert provider_named("mistral").profile("mistral-medium-latest").has_document_urls


def sent(client: str, provider: str, wire: dict[str, object]) -> tuple[dict[str, object], list[str]]:
    """What the provider gets, and what was lost."""
    served, spoken = provider_named(provider), format_named(client)
    body = json.dumps(wire).encode()
    native = spoken if client in served.paths else format_named(served.format_name("chat"))
    call = LLMCall(Ends(spoken, served, native), "m")
    got = json.loads(call.request(spoken.open(body), wire.get("stream") is True, body, "", ""))
    assert isinstance(got, dict)
    return got, call.losses()


HELLO: dict[str, object] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("said", "random_seed"),
    [({"seed": 5}, 5), ({"random_seed": 7}, 7), ({"seed": 5, "random_seed": 7}, 7), ({"seed": 0}, 0)],
)
def test_openais_seed_reaches_it_under_its_own_name(stream: bool, said: dict[str, int], random_seed: int) -> None:
    got, lost = sent("openai-chat", "mistral", {**HELLO, **said, "stream": stream})
    assert (got["random_seed"], "seed" in got, lost) == (random_seed, False, [])


def test_a_seed_of_another_wire_reaches_it_as_well() -> None:
    wire: dict[str, object] = {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"seed": 5},
    }
    got, lost = sent("gemini", "mistral", wire)
    assert (got["random_seed"], "seed" in got, lost) == (5, False, [])


def test_its_own_clients_seed_reaches_providers_of_another_wire() -> None:
    got, lost = sent("openai-chat", "gemini", {**HELLO, "random_seed": 7})
    assert got["generationConfig"] == {"seed": 7}
    assert lost == []


def test_embeddings_keep_what_they_say_of_a_seed() -> None:
    got, _ = sent("openai-embeddings", "mistral", {"model": "m", "input": "hi", "seed": 5})
    assert got["seed"] == 5
