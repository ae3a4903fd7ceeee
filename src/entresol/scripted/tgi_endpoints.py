"""Text Generation Inference's own API: `/generate`, `/generate_stream`, `/` and, as Hugging Face has it, `/models/M`.

A server has one model, so that the path names none but for `/models/M`; faults are ordered there, or by a model that
the prompt names in brackets, such as `[scripted-500]`.
"""

import re
from typing import Any, Final

import msgspec

from entresol.scripted import faults, tgi_checks, tgi_wire
from entresol.scripted.prompt import reply_to
from entresol.scripted.script import Incoming, Refusal, Script, event_script, json_script
from entresol.scripted.settings import Answered, Settings

_PATH: Final = re.compile(r"/(?:generate|generate_stream|models/(?P<model>[^:]+))?")
_ORDERED: Final = re.compile(r"\[(scripted-[\w-]+)\]")
_ERROR: Final = {"error": "Request failed during generation: Server error: CUDA error", "error_type": "generation"}
_KINDS: Final = {422: "validation", 424: "generation", 429: "overloaded"}


def answer_tgi(request: Incoming, settings: Settings) -> Answered | None:
    """The script for a request to one of TGI's paths; None for any other."""
    match = _PATH.fullmatch(request.path)
    if match is None or request.method != "POST":
        return None
    call = _Call(request, settings, match["model"] or "")
    try:
        script = call.run()
    except Refusal as refusal:
        error = {"error": refusal.message, "error_type": refusal.kind}
        script = json_script(refusal.status, error, list(refusal.headers))
    return Answered(script, "tgi", call.model)


class _Call:
    """One request on its way through the checks."""

    def __init__(self, request: Incoming, settings: Settings, model: str) -> None:
        self._request = request
        self._settings = settings
        self.model = model

    def run(self) -> Script:
        """Carry it out. Raises Refusal."""
        self._authenticate()
        decoded = self._json()
        path = self._request.path
        asked = isinstance(decoded, dict) and decoded.get("stream") is True
        streamed = path == "/generate_stream" or (asked and path != "/generate")
        body = tgi_checks.check_generate(decoded, streamed)
        self._order_fault(body["inputs"])
        prompt = tgi_wire.read_generate(body, self.model)
        reply = reply_to(prompt)
        if streamed:
            return self._bend(event_script(tgi_wire.token_frames(body, prompt, reply)))
        answer = tgi_wire.whole_answer(body, prompt, reply)
        return self._bend(json_script(200, answer if path == "/generate" else [answer]))

    def _authenticate(self) -> None:
        given = self._request.headers.get("authorization", "")
        if given.removeprefix("Bearer ") not in self._settings.keys:
            raise Refusal(401, "authentication", "Invalid username or password.")

    def _json(self) -> Any:
        kind = self._request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refusal(415, "validation", "Expected request with `Content-Type: application/json`")
        try:
            return msgspec.json.decode(self._request.body)
        except msgspec.DecodeError as error:
            raise Refusal(400, "validation", f"Failed to parse the request body as JSON: {error}") from error

    def _order_fault(self, prompt: str) -> None:
        ordered = _ORDERED.search(prompt)
        self.model = self.model if ordered is None else ordered[1]
        fault = faults.status_fault(self.model)
        if fault is not None:
            kind = _KINDS.get(fault.status, "generation")
            wait = () if fault.retry_after is None else ((b"retry-after", str(fault.retry_after).encode()),)
            raise Refusal(fault.status, kind, f"Scripted error {fault.status}.", headers=wait)

    def _bend(self, script: Script) -> Script:
        garbage = b"data:{not json\n\n"
        return faults.bend(script, self.model, self._settings.slow_s, tgi_wire.frame(_ERROR), garbage)
