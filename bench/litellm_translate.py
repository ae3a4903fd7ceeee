"""LiteLLM's own transformation functions, run by its own interpreter: `python litellm_translate.py PAYLOADS.json`.

Prints, per provider's wire, the least µs of CPU of a request, of an agent turn and of a chunk of a stream.
"""

import copy
import json
import sys
import time
from types import SimpleNamespace

import httpx
from litellm.litellm_core_utils.litellm_logging import Logging
from litellm.llms.anthropic.chat.handler import ModelResponseIterator
from litellm.llms.anthropic.chat.transformation import AnthropicConfig
from litellm.llms.bedrock.chat.converse_transformation import AmazonConverseConfig
from litellm.llms.vertex_ai.gemini.transformation import _transform_request_body
from litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini import VertexGeminiConfig
from litellm.types.utils import ModelResponse

CLAUDE, GEMINI, BEDROCK = "claude-sonnet-4-5", "gemini-2.5-flash", "anthropic.claude-3-5-sonnet-20240620-v1:0"
LOGGING = SimpleNamespace(post_call=lambda **options: None, model_call_details={}, optional_params={})


def least_us(work, rounds=20, times=20):
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time_ns()
        for _ in range(times):
            work()
        best = min(best, (time.process_time_ns() - begun) / times / 1000)
    return best


def split(body):
    """A call's messages, and its other parameters."""
    return body["messages"], {name: value for name, value in body.items() if name not in ("model", "messages")}


def anthropic(body, answer):
    config = AnthropicConfig()
    messages, parameters = split(body)

    def call():
        optional = config.map_openai_params(dict(parameters), {}, CLAUDE, False)
        data = config.transform_request(CLAUDE, copy.copy(messages), optional, {}, {})
        response = httpx.Response(200, content=answer, headers={"content-type": "application/json"})
        config.transform_response(CLAUDE, response, ModelResponse(), LOGGING, data, messages, optional, {}, None)

    return call


def gemini(body, answer):
    config = VertexGeminiConfig()
    messages, parameters = split(body)

    def call():
        optional = config.map_openai_params(dict(parameters), {}, GEMINI, False)
        data = _transform_request_body(copy.copy(messages), GEMINI, optional, "gemini", {}, None)
        response = httpx.Response(200, content=answer, headers={"content-type": "application/json"})
        config.transform_response(GEMINI, response, ModelResponse(), LOGGING, data, messages, optional, {}, None)

    return call


def bedrock(body, answer):
    config = AmazonConverseConfig()
    messages, parameters = split(body)

    def call():
        optional = config.map_openai_params(dict(parameters), {}, BEDROCK, False)
        data = config._transform_request(BEDROCK, copy.copy(messages), optional, {})
        response = httpx.Response(200, content=answer, headers={"content-type": "application/json"})
        config._transform_response(
            BEDROCK, response, ModelResponse(), False, None, optional, None, data, messages, None
        )

    return call


def chunk_us(events):
    deltas = [event for event in events if event.get("type") == "content_block_delta"]

    def call():
        reading = ModelResponseIterator(None, sync_stream=True)
        for event in events:
            reading.chunk_parser(event)

    return least_us(call, 5, 2) / len(deltas)


def main():
    with open(sys.argv[1]) as file:
        payloads = json.load(file)
    found = {}
    for name, make in (("anthropic-messages", anthropic), ("gemini", gemini), ("bedrock-converse", bedrock)):
        answers = payloads["answers"][name]
        found[name] = [
            least_us(make(payloads["question"], answers[0].encode())),
            least_us(make(payloads["agent turn"], answers[1].encode())),
            chunk_us(payloads["stream"]) if name == "anthropic-messages" else "inf",
        ]
    print(json.dumps(found))


if __name__ == "__main__":
    assert Logging
    main()
