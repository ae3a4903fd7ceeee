"""Cohere's API, version 2: `/v2/chat`, `/v2/embed`, `/v2/rerank`."""

import re
from typing import Any, Final

import msgspec

from entresol.scripted import cohere_checks, cohere_wire, faults
from entresol.scripted.cohere_checks import invalid
from entresol.scripted.prompt import reply_to
from entresol.scripted.script import Incoming, Refusal, Script, event_script, json_script
from entresol.scripted.settings import Answered, Settings
from entresol.scripted.shape import Object

_PATHS: Final = ("/v2/chat", "/v2/embed", "/v2/rerank")
_FAMILIES: Final = re.compile(r"(?:scripted-|command|c4ai-|embed-|rerank-)")
_GARBAGE_FRAME: Final = b"event: content-delta\ndata: {not json\n\n"
_ERROR_EVENT: Final = {
    "type": "message-end",
    "delta": {"finish_reason": "ERROR", "error": "an error occurred during generation"},
}


def answer_cohere(request: Incoming, settings: Settings) -> Answered | None:
    """The script for a request to one of Cohere's paths; None for any other."""
    if request.path not in _PATHS:
        return None
    call = _Call(request, settings)
    try:
        script = call.run()
    except Refusal as refusal:
        body = {"id": cohere_wire.answer_id(request.body), "message": refusal.message}
        script = json_script(refusal.status, body, list(refusal.headers))
    return Answered(script, "cohere", call.model)


class _Call:
    """One request on its way through the checks; `model` is known once it has been read."""

    def __init__(self, request: Incoming, settings: Settings) -> None:
        self._request = request
        self._settings = settings
        self.model = ""

    def run(self) -> Script:
        """Carry it out. Raises Refusal."""
        if self._request.method != "POST":
            raise Refusal(405, "", "method not allowed")
        given = self._request.headers.get("authorization", "")
        if given[:7].lower() != "bearer " or given[7:] not in self._settings.keys:
            raise Refusal(401, "", "invalid api token" if given else "no api key supplied")
        seed = self._request.body
        match self._request.path:
            case "/v2/chat":
                return self._chat()
            case "/v2/embed":
                body = self._read(cohere_checks.EMBED)
                cohere_checks.check_embed(body)
                return self._bend(json_script(200, cohere_wire.embed_answer(body, seed)))
        body = self._read(cohere_checks.RERANK)
        return self._bend(json_script(200, cohere_wire.rerank_answer(body, seed)))

    def _read(self, shape: Object) -> dict[str, Any]:
        try:
            decoded = msgspec.json.decode(self._request.body)
        except msgspec.DecodeError as error:
            raise invalid(f"the body is not JSON: {error}") from error
        body = cohere_checks.check_shape(decoded, shape)
        model = self.model = str(body["model"])
        fault = faults.status_fault(model)
        if fault is not None:
            wait = () if fault.retry_after is None else ((b"retry-after", str(fault.retry_after).encode()),)
            raise Refusal(fault.status, "", f"Scripted error {fault.status}.", headers=wait)
        if _FAMILIES.match(model) is None and not faults.is_fault(model):
            raise Refusal(404, "", f"model '{model}' not found, make sure the correct model ID was used")
        return body

    def _chat(self) -> Script:
        body = self._read(cohere_checks.CHAT)
        cohere_checks.check_chat(body)
        prompt = cohere_wire.read_chat(body)
        reply = reply_to(prompt)
        if body.get("stream"):
            return self._bend(event_script(cohere_wire.event_frames(body, prompt, reply, self._request.body)))
        return self._bend(json_script(200, cohere_wire.whole_answer(body, prompt, reply, self._request.body)))

    def _bend(self, script: Script) -> Script:
        error = cohere_wire.frame(_ERROR_EVENT)
        return faults.bend(script, self.model, self._settings.slow_s, error, _GARBAGE_FRAME)
