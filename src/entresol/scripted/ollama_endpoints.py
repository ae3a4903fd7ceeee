"""Ollama's own API: `/api/chat`, `/api/generate`, `/api/embed`, `/api/embeddings`, `/api/tags`."""

import re
from typing import Any, Final

import msgspec

from entresol.scripted import faults, ollama_checks, ollama_wire
from entresol.scripted.embedding import vector_of
from entresol.scripted.ollama_checks import invalid
from entresol.scripted.prompt import Prompt, Reply, reply_to
from entresol.scripted.script import Incoming, Refusal, Script, Send, json_script
from entresol.scripted.settings import Answered, Settings
from entresol.scripted.shape import Object

MODELS: Final = ("scripted-llama:latest", "llama3.2:latest", "gpt-oss:20b", "nomic-embed-text:latest")
"""What `/api/tags` lists; names of these families are known too."""
_FAMILIES: Final = re.compile(
    r"(?:scripted-|llama|llava|qwen|gemma|mistral|gpt-oss|deepseek-|phi|nomic-embed|mxbai|all-minilm)"
)
_GARBAGE_LINE: Final = b"{not json\n"
_ERROR_LINE: Final = {"error": "an error was encountered while running the model: CUDA error"}
_PATHS: Final = ("/api/chat", "/api/generate", "/api/embed", "/api/embeddings", "/api/tags", "/api/version")


def answer_ollama(request: Incoming, settings: Settings) -> Answered | None:
    """The script for a request to one of Ollama's paths; None for any other."""
    if request.path not in _PATHS:
        return None
    call = _Call(request, settings)
    try:
        script = call.run()
    except Refusal as refusal:
        script = json_script(refusal.status, {"error": refusal.message}, list(refusal.headers))
    return Answered(script, "ollama", call.model)


class _Call:
    """One request on its way through the checks; `model` is known once it has been read."""

    def __init__(self, request: Incoming, settings: Settings) -> None:
        self._request = request
        self._settings = settings
        self.model = ""

    def run(self) -> Script:
        """Carry it out. Raises Refusal."""
        method, path = self._request.method, self._request.path
        if method != ("GET" if path in ("/api/tags", "/api/version") else "POST"):
            raise Refusal(405, "", "405 method not allowed")
        self._authenticate()
        match path:
            case "/api/chat":
                return self._chat()
            case "/api/generate":
                return self._generate()
            case "/api/embed":
                body = self._read(ollama_checks.EMBED)
                return self._bend(json_script(200, ollama_wire.embed_answer(body)))
            case "/api/embeddings":
                body = self._read(ollama_checks.EMBEDDINGS)
                return self._bend(json_script(200, {"embedding": vector_of(body.get("prompt") or "", 8)}))
            case "/api/tags":
                return json_script(200, {"models": [ollama_wire.model_row(name) for name in MODELS]})
        return json_script(200, {"version": "0.13.0"})

    def _authenticate(self) -> None:
        """A local server asks for no key; one that comes all the same is that of Ollama's cloud."""
        given = self._request.headers.get("authorization")
        if given is not None and given.removeprefix("Bearer ") not in self._settings.keys:
            raise Refusal(401, "", "unauthorized")

    def _read(self, shape: Object) -> dict[str, Any]:
        try:
            decoded = msgspec.json.decode(self._request.body)
        except msgspec.DecodeError as error:
            raise invalid(f"invalid JSON: {error}" if self._request.body else "missing request body") from error
        body = ollama_checks.check_shape(decoded, shape)
        model = self.model = str(body["model"])
        fault = faults.status_fault(model)
        if fault is not None:
            wait = () if fault.retry_after is None else ((b"retry-after", str(fault.retry_after).encode()),)
            raise Refusal(fault.status, "", f"Scripted error {fault.status}.", headers=wait)
        if _FAMILIES.match(model) is None and not faults.is_fault(model):
            raise Refusal(404, "", f"model '{model}' not found")
        return body

    def _chat(self) -> Script:
        body = self._read(ollama_checks.CHAT)
        ollama_checks.check_chat(body)
        return self._say("chat", body, ollama_wire.read_chat(body), not body.get("messages"))

    def _generate(self) -> Script:
        body = self._read(ollama_checks.GENERATE)
        ollama_checks.check_images(body.get("images") or [])
        ollama_checks.check_settings(body)
        if body.get("raw") and (body.get("template") or body.get("system") or body.get("context")):
            raise invalid("raw mode does not support template, system, or context")
        return self._say("generate", body, ollama_wire.read_generate(body), not body.get("prompt"))

    def _say(self, kind: str, body: dict[str, Any], prompt: Prompt, is_empty: bool) -> Script:
        if is_empty:
            return json_script(200, ollama_wire.loaded(kind, body))
        reply: Reply = reply_to(prompt)
        if body.get("stream") is False:
            return self._bend(json_script(200, ollama_wire.whole_answer(kind, body, prompt, reply)))
        return self._bend(line_script(ollama_wire.line_frames(kind, body, prompt, reply)))

    def _bend(self, script: Script) -> Script:
        error = ollama_wire.line(_ERROR_LINE)
        return faults.bend(script, self.model, self._settings.slow_s, error, _GARBAGE_LINE)


def line_script(frames: list[bytes]) -> Script:
    """A response of JSON objects, one a line and step."""
    return Script(
        200, [(b"content-type", b"application/x-ndjson")], tuple(Send(frame) for frame in frames), streamed=True
    )
