from entresol.llm.provider import parse_url
from entresol.llm.registry import provider_named

PROVIDER = provider_named("llama-cpp")


def test_its_paths_stand_behind_another_address_as_well() -> None:
    url = PROVIDER.url("openai-chat", "a-model", False, parse_url("http://mock:9"))
    assert (url.host, url.port, url.path) == ("mock", 9, "/v1/chat/completions")


def test_clients_of_several_wires_are_passed_on_in_their_own() -> None:
    for wire in ("openai-chat", "openai-responses", "anthropic-messages"):
        assert PROVIDER.format_name("chat", wire) == wire
    assert PROVIDER.format_name("chat", "gemini") == "openai-chat"
