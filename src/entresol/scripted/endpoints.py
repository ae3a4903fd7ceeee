"""Request in, script out: which endpoint is meant, may the caller use it, and what does it answer. Pure."""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from entresol.scripted import (
    anthropic_checks,
    anthropic_wire,
    faults,
    gemini_checks,
    gemini_wire,
    openai_checks,
    openai_wire,
    wire_errors,
)
from entresol.scripted.bedrock_endpoints import answer_bedrock
from entresol.scripted.cohere_endpoints import answer_cohere
from entresol.scripted.counting_checks import check_gemini_count
from entresol.scripted.media_endpoints import answer_media
from entresol.scripted.ollama_endpoints import answer_ollama
from entresol.scripted.prompt import Reply, reply_to
from entresol.scripted.rerank_endpoints import answer_rerank
from entresol.scripted.responses_endpoints import answer_responses
from entresol.scripted.script import Incoming, Refusal, Script, event_script, json_script
from entresol.scripted.settings import DEFAULT_KEY, Answered, Settings
from entresol.scripted.tgi_endpoints import answer_tgi
from entresol.scripted.vertex_counting import answer_vertex_counting
from entresol.scripted.vertex_prediction import answer_vertex_prediction

__all__ = ["DEFAULT_KEY", "Answered", "Settings", "answer"]

MODELS: Final = {
    "openai": ("scripted-chat", "scripted-embedding", "gpt-5.5", "text-embedding-3-small"),
    "anthropic": ("scripted-claude", "claude-sonnet-5-5", "claude-haiku-5-5"),
    "gemini": ("scripted-gemini", "gemini-3.8-flash", "gemini-2.5-flash", "gemini-embedding-001"),
}
"""What the model lists show; names of these families are known too."""
_FAMILIES: Final = {
    "openai": re.compile(r"(gpt-|chatgpt-|o\d|text-embedding-|davinci|babbage)"),
    "anthropic": re.compile(r"claude-"),
    "gemini": re.compile(r"(gemini-|text-embedding-)"),
}
_GARBAGE_FRAME: Final = b"data: {not json\n\n"


def answer(request: Incoming, settings: Settings) -> Answered:
    """The script for one request."""
    path = request.path
    if path == "/" and request.method in ("GET", "HEAD"):
        return Answered(json_script(200, {"service": "scripted provider"}), "none")
    for module in _OTHER_WIRES:
        answered = module(request, settings)
        if answered is not None:
            return answered
    wire = _wire_of(request)
    endpoint = _Endpoint(request, settings, wire)
    try:
        script = endpoint.run()
    except Refusal as refusal:
        script = wire_errors.render(wire, refusal, request)
    return Answered(script, wire, endpoint.model)


def _wire_of(request: Incoming) -> str:
    if request.path.startswith(("/v1beta/", "/v1alpha/")) or re.match(r"/v1/models/[^/]+:\w+$", request.path):
        return "gemini"
    if request.path.startswith("/v1/messages") or "anthropic-version" in request.headers:
        return "anthropic"
    return "openai"


_OTHER_WIRES: Final[tuple[Callable[[Incoming, Settings], Answered | None], ...]] = (
    answer_bedrock,
    answer_cohere,
    answer_media,
    answer_ollama,
    answer_rerank,
    answer_responses,
    answer_tgi,
    answer_vertex_counting,
    answer_vertex_prediction,
)
"""Wires with a file of their own: each answers the paths that are its own, and None to all others."""


class _Endpoint:
    """One request on its way through the checks; `model` is known once it has been read."""

    def __init__(self, request: Incoming, settings: Settings, wire: str) -> None:
        self.request = request
        self.settings = settings
        self.wire = wire
        self.model = ""

    def run(self) -> Script:
        """Find the endpoint and carry it out. Raises Refusal."""
        method, path = self.request.method, self.request.path
        found = re.fullmatch(r"/v1(?:beta|alpha)?/models/?(.*)", path)
        operation = re.fullmatch(r"/v1(?:beta|alpha)?/models/([^/:]+):(\w+)", path)
        handler = self._posts().get(path) if operation is None else None
        if operation is None and handler is None and found is None:
            raise wire_errors.not_found(self.wire, f"Invalid URL ({method} {path})")
        if method != ("GET" if operation is None and handler is None else "POST"):
            raise Refusal(405, "invalid_request_error", f"Not allowed to {method} on {path}.")
        self._authenticate()
        if operation is not None:
            return self._gemini_operation(operation.group(1), operation.group(2))
        if handler is not None:
            return handler()
        assert found is not None
        return self._models(found.group(1))

    def _posts(self) -> dict[str, Callable[[], Script]]:
        return {
            "/v1/chat/completions": self._chat,
            "/v1/completions": self._completions,
            "/v1/embeddings": self._embeddings,
            "/v1/messages": self._messages,
            "/v1/messages/count_tokens": self._count_tokens,
        }

    def _authenticate(self) -> None:
        headers = self.request.headers
        bearer = headers.get("authorization", "")
        key = bearer[7:] if bearer[:7].lower() == "bearer " else None
        if self.wire == "anthropic":
            key = headers.get("x-api-key", key)
        elif self.wire == "gemini":
            key = headers.get("x-goog-api-key") or parse_qs(self.request.query).get("key", [None])[0]
        if key not in self.settings.keys:
            raise wire_errors.bad_key(self.wire, key)
        if self.wire == "anthropic":
            version = headers.get("anthropic-version")
            if version is None:
                raise anthropic_checks.invalid("anthropic-version: header is required")
            if version not in anthropic_checks.VERSIONS:
                raise anthropic_checks.invalid(f'anthropic-version: "{version}" is not a valid version')

    def _json(self) -> Any:
        kind = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            message = f"Unsupported content type: '{kind}'. This method only accepts 'application/json' requests."
            raise wire_errors.bad_body(self.wire, message)
        try:
            return msgspec.json.decode(self.request.body)
        except msgspec.DecodeError as error:
            raise wire_errors.bad_body(
                self.wire, f"The body of the request could not be parsed as JSON: {error}"
            ) from error

    def _use_model(self, model: str) -> None:
        """The model exists and is not one that answers with an error status. Raises Refusal."""
        self.model = model
        fault = faults.status_fault(model)
        if fault is not None:
            raise wire_errors.status_refusal(self.wire, fault)
        if model not in MODELS[self.wire] and not _FAMILIES[self.wire].match(model) and not faults.is_fault(model):
            raise wire_errors.no_model(self.wire, model)

    def _finish(self, script: Script, error_frame: bytes) -> Script:
        return faults.bend(script, self.model, self.settings.slow_s, error_frame, _GARBAGE_FRAME)

    def _chat(self) -> Script:
        body = openai_checks.check_shape(self._json(), openai_checks.CHAT)
        self._use_model(str(body["model"]))
        openai_checks.check_chat(body)
        prompt = openai_wire.read_chat(body)
        reply = reply_to(prompt)
        seed = self.request.body
        if body.get("stream"):
            script = event_script(openai_wire.chat_frames(body, prompt, reply, seed))
        else:
            script = json_script(200, openai_wire.chat_answer(body, prompt, reply, seed))
        return self._finish(script, _openai_error_frame())

    def _completions(self) -> Script:
        body = openai_checks.check_shape(self._json(), openai_checks.COMPLETIONS)
        self._use_model(str(body["model"]))
        prompt = openai_wire.completion_prompt(body)
        reply = reply_to(prompt)
        seed = self.request.body
        if body.get("stream"):
            script = event_script(openai_wire.completion_frames(body, prompt, reply, seed))
        else:
            script = json_script(200, openai_wire.completion_answer(body, prompt, reply, seed))
        return self._finish(script, _openai_error_frame())

    def _embeddings(self) -> Script:
        body = openai_checks.check_shape(self._json(), openai_checks.EMBEDDINGS)
        self._use_model(str(body["model"]))
        return self._finish(json_script(200, openai_wire.embedding_answer(body)), b"")

    def _messages(self) -> Script:
        body = anthropic_checks.check(self._json(), self.request.headers["anthropic-version"], counting=False)
        self._use_model(body["model"])
        prompt = anthropic_wire.read_messages(body)
        reply = reply_to(prompt) if body["max_tokens"] else Reply(stop="length")
        seed = self.request.body
        if body.get("stream"):
            script = event_script(anthropic_wire.message_frames(body, prompt, reply, seed))
        else:
            script = json_script(200, anthropic_wire.message_answer(body, prompt, reply, seed))
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        return self._finish(script, anthropic_wire.frame("error", error))

    def _count_tokens(self) -> Script:
        body = anthropic_checks.check(self._json(), self.request.headers["anthropic-version"], counting=True)
        self._use_model(body["model"])
        counted = anthropic_wire.read_messages(body).input_tokens
        return self._finish(json_script(200, {"input_tokens": counted}), b"")

    def _gemini_operation(self, model: str, operation: str) -> Script:
        self._use_model(model)
        match operation:
            case "generateContent" | "streamGenerateContent":
                return self._generate(model, streamed=operation.startswith("stream"))
            case "countTokens":
                body = check_gemini_count(self._json(), model)
                counted = gemini_wire.read_generate(body, model).input_tokens
                return self._finish(json_script(200, {"totalTokens": counted}), b"")
            case "embedContent":
                body = gemini_checks.check_shape(self._json(), gemini_checks.EMBED)
                return self._finish(json_script(200, {"embedding": gemini_wire.embedding_of(body)}), b"")
            case "batchEmbedContents":
                body = gemini_checks.check_shape(self._json(), gemini_checks.BATCH_EMBED)
                vectors = [gemini_wire.embedding_of(request) for request in body["requests"]]
                return self._finish(json_script(200, {"embeddings": vectors}), b"")
        raise wire_errors.not_found("gemini", f"models/{model} is not supported for {operation}.")

    def _generate(self, model: str, streamed: bool) -> Script:
        body = gemini_checks.check_shape(self._json(), gemini_checks.GENERATE)
        gemini_checks.check_generate(body, model)
        prompt = gemini_wire.read_generate(body, model)
        reply = reply_to(prompt)
        seed = self.request.body
        if not streamed:
            return self._finish(json_script(200, gemini_wire.generate_answer(body, prompt, reply, seed)), b"")
        chunks = gemini_wire.generate_chunks(body, prompt, reply, seed)
        error = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
        if parse_qs(self.request.query).get("alt") == ["sse"]:
            return self._finish(event_script([gemini_wire.frame(chunk) for chunk in chunks]), gemini_wire.frame(error))
        whole = json_script(200, None)
        steps = event_script(gemini_wire.array_frames(chunks)).steps
        script = msgspec.structs.replace(whole, steps=steps, streamed=True)
        return self._finish(script, b",\r\n" + msgspec.json.encode(error) + b"]")

    def _models(self, wanted: str) -> Script:
        rows = [_model_row(self.wire, name) for name in MODELS[self.wire]]
        if wanted:
            self._use_model(wanted)
            return json_script(200, _model_row(self.wire, wanted))
        if self.wire == "gemini":
            return json_script(200, {"models": rows})
        if self.wire == "openai":
            return json_script(200, {"object": "list", "data": rows})
        ends = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]}
        return json_script(200, {"data": rows, "has_more": False, **ends})


def _model_row(wire: str, name: str) -> dict[str, Any]:
    if wire == "openai":
        return {"id": name, "object": "model", "created": openai_wire.CREATED, "owned_by": "scripted"}
    if wire == "anthropic":
        return {
            "type": "model",
            "id": name,
            "display_name": name,
            "created_at": "2026-01-01T00:00:00Z",
            "lifecycle": "active",
        }
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": 1048576,
        "outputTokenLimit": 65536,
        "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"],
    }


def _openai_error_frame() -> bytes:
    error = {"message": "The server had an error while processing your request.", "type": "server_error"}
    return openai_wire.frame({"error": {**error, "param": None, "code": None}})
