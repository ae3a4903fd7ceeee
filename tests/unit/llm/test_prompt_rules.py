import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import Opened, read_fields
from entresol.llm.prompt_rules import check_prompt, choose_model
from entresol.llm.registry import format_named

GOOD = [
    ("openai-chat", b'{"messages":[{"role":"user","content":"x"}]}'),
    ("openai-chat", b'{"messages": [ {} ],"input":"x"}'),
    ("openai-completions", b'{"prompt":"x"}'),
    ("openai-completions", b'{"prompt":["x"]}'),
    ("openai-embeddings", b'{"input":"x"}'),
    ("openai-embeddings", b'{"input":[[1,2]]}'),
    ("anthropic-messages", b'{"messages":[{"role":"user","content":"x"}]}'),
    ("gemini", b'{"contents":[{"parts":[{"text":"x"}]}]}'),
    ("gemini", b'{"contents":{"parts":{"text":"x"}}}'),
    ("bedrock-converse", b'{"messages":[{"role":"user","content":[{"text":"x"}]}]}'),
    ("bedrock-invoke", b'{"messages":[{"role":"user","content":"x"}]}'),
    ("bedrock-invoke", b'{"inputText":"x"}'),
    ("bedrock-invoke", b'{"prompt":"x"}'),
    ("bedrock-invoke", b'{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"x"}}'),
    ("gemini", b'{"contents": { "parts":[{"text":"x"}]}}'),
]


@pytest.mark.parametrize(("name", "body"), GOOD)
def test_a_prompt_of_the_format_is_enough(name: str, body: bytes) -> None:
    check_prompt(format_named(name), read_fields(body))


MISSING = "request body doesn't contain valid prompts"
BAD = [
    ("openai-chat", b"{}", MISSING),
    ("openai-chat", b'{"messages":[]}', MISSING),
    ("openai-chat", b'{"messages":[  ]}', MISSING),
    ("openai-chat", b'{"messages":{}}', MISSING),
    ("openai-chat", b'{"messages":null}', MISSING),
    ("openai-completions", b'{"prompt":""}', MISSING),
    ("openai-chat", b'{"messages":[{}],"prompt":"x"}', "request matches multiple LLM request formats"),
    (
        "openai-chat",
        b'{"prompt":"x"}',
        "[llm/v1/completions] message format is not compatible with [llm/v1/chat] route type",
    ),
    (
        "openai-embeddings",
        b'{"messages":[{}]}',
        "[llm/v1/chat] message format is not compatible with [llm/v1/embeddings] route type",
    ),
    ("gemini", b'{"messages":[{}]}', MISSING),
    ("gemini", b'{"contents":{ }}', MISSING),
    ("anthropic-messages", b'{"messages":{"role":"user"}}', MISSING),
    ("bedrock-converse", b'{"prompt":"x"}', MISSING),
    ("bedrock-invoke", b"{}", MISSING),
]


@pytest.mark.parametrize(("name", "body", "message"), BAD)
def test_what_is_no_prompt_is_refused_in_kongs_words(name: str, body: bytes, message: str) -> None:
    with pytest.raises(ClientError) as error:
        check_prompt(format_named(name), read_fields(body))
    assert (error.value.status, error.value.message) == (400, message)


@pytest.mark.parametrize(
    ("asked", "configured", "alias", "chosen"),
    [
        (None, "gpt-4o", None, "gpt-4o"),
        ("gpt-4o", "gpt-4o", None, "gpt-4o"),
        ("smart", "gpt-4o", "smart", "gpt-4o"),
        ("gpt-4o", "gpt-4o", "smart", "gpt-4o"),
        ("mine", None, None, "mine"),
    ],
)
def test_the_model_is_the_configured_one_or_the_clients(
    asked: str | None, configured: str | None, alias: str | None, chosen: str
) -> None:
    assert choose_model(Opened({}, asked, False), configured, alias) == chosen


@pytest.mark.parametrize(
    ("asked", "configured", "alias", "message"),
    [
        ("other", "gpt-4o", None, "cannot use own model - must be: gpt-4o"),
        ("other", "gpt-4o", "smart", "cannot use own model - must be: smart"),
        (None, None, None, "model parameter not found in request, nor in gateway configuration"),
        ("", None, None, "model parameter not found in request, nor in gateway configuration"),
    ],
)
def test_another_model_is_refused(asked: str | None, configured: str | None, alias: str | None, message: str) -> None:
    with pytest.raises(ClientError) as error:
        choose_model(Opened({}, asked, False), configured, alias)
    assert (error.value.status, error.value.message) == (400, message)
