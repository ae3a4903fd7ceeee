"""The three official clients behind one face, so that one test can ask each of them the same.

Nothing here hides what a client does: it calls the SDK as its documentation shows and reads what the SDK returns.
"""

import base64
from typing import Any

import anthropic
import msgspec
import openai
from google import genai
from google.genai import errors as genai_errors
from google.genai import types as genai_types

from contract.sdk.stand import GATEWAY_KEY, Stand

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = "get_weather"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A PNG of one pixel, 70 bytes."""


class Heard(msgspec.Struct):
    """What an SDK made of an answer."""

    text: str = ""
    calls: list[tuple[str, str, dict[str, Any]]] = []
    """Id, name and arguments of each tool call."""
    finish: str | None = None
    """In the SDK's own words."""
    input_tokens: int = 0
    output_tokens: int = 0
    turn: Any = None
    """The answer, as the client would send it back."""


class Failure(msgspec.Struct):
    """What an SDK raised."""

    error: Exception
    status: int
    message: str
    headers: dict[str, str]


class OpenAITalk:
    """openai.OpenAI."""

    errors: tuple[type[Exception], ...] = (openai.APIError,)

    def __init__(self, stand: Stand, provider: str, variant: str = "", key: str = GATEWAY_KEY) -> None:
        url = f"{stand.base('openai', provider, variant)}/v1"
        self.sdk = openai.OpenAI(base_url=url, api_key=key, max_retries=0)
        stand.clients.callback(self.sdk.close)

    def user(self, text: str, image: str | None = None) -> Any:
        if image is None:
            return {"role": "user", "content": text}
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}}
        return {"role": "user", "content": [{"type": "text", "text": text}, picture]}

    def results(self, calls: list[tuple[str, str, dict[str, Any]]], content: str) -> list[Any]:
        return [{"role": "tool", "tool_call_id": call_id, "content": content} for call_id, _, _ in calls]

    def ask(self, model: str, turns: list[Any], *, tools: bool = False, stream: bool = False) -> Heard:
        options: dict[str, Any] = {}
        if tools:
            function = {"name": TOOL, "description": "Current weather", "parameters": CITY}
            options["tools"] = [{"type": "function", "function": function}]
        turns = [{"role": "system", "content": "Be brief."}, *turns]
        if stream:
            return self._streamed(model, turns, options)
        answer = self.sdk.chat.completions.create(model=model, messages=turns, max_tokens=500, **options)
        choice = answer.choices[0]
        heard = Heard(text=choice.message.content or "", finish=choice.finish_reason, turn=choice.message)
        for call in choice.message.tool_calls or []:
            assert call.type == "function"
            heard.calls.append((call.id, call.function.name, msgspec.json.decode(call.function.arguments)))
        assert answer.usage is not None
        heard.input_tokens, heard.output_tokens = answer.usage.prompt_tokens, answer.usage.completion_tokens
        heard.turn = choice.message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"})
        return heard

    def _streamed(self, model: str, turns: list[Any], options: dict[str, Any]) -> Heard:
        heard = Heard()
        wire_calls: dict[int, dict[str, str]] = {}
        options |= {"stream": True, "stream_options": {"include_usage": True}}
        stream: Any = self.sdk.chat.completions.create(model=model, messages=turns, max_tokens=500, **options)
        with stream as chunks:
            for chunk in chunks:
                if chunk.usage is not None:
                    heard.input_tokens, heard.output_tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
                for choice in chunk.choices:
                    heard.text += choice.delta.content or ""
                    heard.finish = choice.finish_reason or heard.finish
                    for delta in choice.delta.tool_calls or []:
                        call = wire_calls.setdefault(delta.index, {"id": "", "name": "", "arguments": ""})
                        assert delta.function is not None
                        call["id"] += delta.id or ""
                        call["name"] += delta.function.name or ""
                        call["arguments"] += delta.function.arguments or ""
        for call in wire_calls.values():
            heard.calls.append((call["id"], call["name"], msgspec.json.decode(call["arguments"])))
        heard.turn = {"role": "assistant", "content": heard.text or None}
        if heard.calls:
            heard.turn["tool_calls"] = [
                {
                    "id": call["id"],
                    "type": "function",
                    "function": {"name": call["name"], "arguments": call["arguments"]},
                }
                for call in wire_calls.values()
            ]
        return heard

    def failure(self, error: Exception) -> Failure:
        if isinstance(error, openai.APIStatusError):
            return Failure(error, error.status_code, error.message, dict(error.response.headers))
        assert isinstance(error, openai.APIError)
        return Failure(error, 0, error.message, {})


class AnthropicTalk:
    """anthropic.Anthropic."""

    errors: tuple[type[Exception], ...] = (anthropic.APIError,)

    def __init__(self, stand: Stand, provider: str, variant: str = "", key: str = GATEWAY_KEY) -> None:
        url = stand.base("anthropic", provider, variant)
        self.sdk = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)
        stand.clients.callback(self.sdk.close)

    def user(self, text: str, image: str | None = None) -> Any:
        if image is None:
            return {"role": "user", "content": text}
        source = {"type": "base64", "media_type": "image/png", "data": image}
        return {"role": "user", "content": [{"type": "text", "text": text}, {"type": "image", "source": source}]}

    def results(self, calls: list[tuple[str, str, dict[str, Any]]], content: str) -> list[Any]:
        blocks = [{"type": "tool_result", "tool_use_id": call_id, "content": content} for call_id, _, _ in calls]
        return [{"role": "user", "content": blocks}]

    def ask(self, model: str, turns: list[Any], *, tools: bool = False, stream: bool = False) -> Heard:
        options: dict[str, Any] = {"system": "Be brief."}
        if tools:
            options["tools"] = [{"name": TOOL, "description": "Current weather", "input_schema": CITY}]
        if stream:
            with self.sdk.messages.stream(model=model, messages=turns, max_tokens=500, **options) as events:
                message: Any = events.get_final_message()
        else:
            message = self.sdk.messages.create(model=model, messages=turns, max_tokens=500, **options)
        heard = Heard(finish=message.stop_reason)
        heard.text = "".join(block.text for block in message.content if block.type == "text")
        heard.calls = [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"]
        heard.input_tokens, heard.output_tokens = message.usage.input_tokens, message.usage.output_tokens
        kept = {"text": {"type", "text"}, "tool_use": {"type", "id", "name", "input"}}
        heard.turn = {
            "role": "assistant",
            "content": [block.model_dump(include=kept.get(block.type)) for block in message.content],
        }
        return heard

    def failure(self, error: Exception) -> Failure:
        if isinstance(error, anthropic.APIStatusError):
            return Failure(error, error.status_code, error.message, dict(error.response.headers))
        assert isinstance(error, anthropic.APIError)
        return Failure(error, 0, error.message, {})


class GeminiTalk:
    """google.genai.Client."""

    errors: tuple[type[Exception], ...] = (genai_errors.APIError, genai_errors.UnknownApiResponseError)

    def __init__(self, stand: Stand, provider: str, variant: str = "", key: str = GATEWAY_KEY) -> None:
        retries = genai_types.HttpRetryOptions(attempts=1)
        options = genai_types.HttpOptions(base_url=stand.base("gemini", provider, variant), retry_options=retries)
        self.sdk = genai.Client(api_key=key, http_options=options)
        stand.clients.callback(self.sdk.close)

    def user(self, text: str, image: str | None = None) -> Any:
        parts = [genai_types.Part(text=text)]
        if image is not None:
            blob = genai_types.Blob(data=base64.b64decode(image), mime_type="image/png")
            parts.append(genai_types.Part(inline_data=blob))
        return genai_types.Content(role="user", parts=parts)

    def results(self, calls: list[tuple[str, str, dict[str, Any]]], content: str) -> list[Any]:
        parts = [
            genai_types.Part(
                function_response=genai_types.FunctionResponse(
                    id=call_id or None, name=name, response={"output": content}
                )
            )
            for call_id, name, _ in calls
        ]
        return [genai_types.Content(role="user", parts=parts)]

    def ask(self, model: str, turns: list[Any], *, tools: bool = False, stream: bool = False) -> Heard:
        config = genai_types.GenerateContentConfig(system_instruction="Be brief.", max_output_tokens=500)
        if tools:
            function = genai_types.FunctionDeclaration(
                name=TOOL, description="Current weather", parameters_json_schema=CITY
            )
            config.tools = [genai_types.Tool(function_declarations=[function])]
        if stream:
            responses = list(self.sdk.models.generate_content_stream(model=model, contents=turns, config=config))
        else:
            responses = [self.sdk.models.generate_content(model=model, contents=turns, config=config)]
        heard = Heard()
        parts: list[genai_types.Part] = []
        for response in responses:
            for candidate in response.candidates or []:
                parts += (candidate.content.parts if candidate.content is not None else None) or []
                heard.finish = candidate.finish_reason.value if candidate.finish_reason is not None else heard.finish
            usage = response.usage_metadata
            if usage is not None:
                heard.input_tokens = usage.prompt_token_count or 0
                heard.output_tokens = usage.candidates_token_count or 0
        parts = [part for part in parts if part.text != ""]
        heard.text = "".join(part.text or "" for part in parts if not part.thought)
        calls = [part.function_call for part in parts if part.function_call is not None]
        heard.calls = [(call.id or "", call.name or "", call.args or {}) for call in calls]
        heard.turn = genai_types.Content(role="model", parts=parts)
        return heard

    def failure(self, error: Exception) -> Failure:
        if isinstance(error, genai_errors.APIError):
            headers: Any = getattr(error.response, "headers", {})
            return Failure(error, error.code, error.message or "", {name.lower(): headers[name] for name in headers})
        return Failure(error, 0, str(error), {})


Talk = OpenAITalk | AnthropicTalk | GeminiTalk
TALKS: dict[str, type[OpenAITalk] | type[AnthropicTalk] | type[GeminiTalk]] = {
    "openai": OpenAITalk,
    "anthropic": AnthropicTalk,
    "gemini": GeminiTalk,
}
