import msgspec
import pytest

from entresol.plugins.ai_prompt_decorator import AiPromptDecorator
from playbooks.harness import Gateway

PROMPTS = {"prepend": [{"content": "Be kind."}], "append": [{"role": "user", "content": "Answer in French."}]}
CHAT = {"model": "m", "temperature": 0.5, "messages": [{"role": "user", "content": "hi"}]}


def test_prompts_go_around_the_conversation_and_the_rest_stays() -> None:
    reply = Gateway((AiPromptDecorator, {"prompts": PROMPTS})).chat(CHAT)
    assert reply.status == 200
    assert msgspec.json.decode(reply.sent_body) == {
        **CHAT,
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "hi"},
            {"role": "user", "content": "Answer in French."},
        ],
    }


def test_the_configured_format_decides_where_they_go() -> None:
    gate = Gateway((AiPromptDecorator, {"prompts": PROMPTS, "llm_format": "anthropic"}))
    sent = msgspec.json.decode(gate.chat({**CHAT, "system": "mine"}).sent_body)
    assert sent["system"] == "Be kind.\n\nmine"


def test_an_input_is_decorated_only_where_responses_are_asked_for() -> None:
    gate = Gateway((AiPromptDecorator, {"prompts": PROMPTS}))
    counted = gate.chat({"input": "hi"}, path="/v1/responses/input_tokens").sent_body
    sent = msgspec.json.decode(gate.chat({"input": "hi"}, path="/v1/responses").sent_body)
    assert msgspec.json.decode(counted) == sent
    assert [turn["content"] for turn in sent["input"]] == ["Be kind.", "hi", "Answer in French."]
    assert gate.chat({"input": "hi"}, path="/v1/embeddings").status == 400


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"no json", "bad_json", "content-type header does not match request body, or bad JSON formatting"),
        (b"", "bad_json", "content-type header does not match request body, or bad JSON formatting"),
        (b'{"prompt":"x"}', "not_a_chat_request", "this LLM route only supports llm/chat type requests"),
        (b'{"messages":{}}', "bad_request", "messages: expected an array"),
    ],
)
def test_what_cannot_be_decorated_is_refused(body: bytes, code: str, message: str) -> None:
    reply = Gateway((AiPromptDecorator, {"prompts": PROMPTS})).chat(body)
    assert (reply.status, reply.header("x-entresol-error"), reply.json["message"]) == (400, code, message)
    assert reply.sent is None


def test_a_body_over_the_limit_is_413() -> None:
    gate = Gateway((AiPromptDecorator, {"prompts": PROMPTS, "max_request_body_size": 10}))
    assert gate.chat(CHAT).status == 413
