"""OpenAI's Responses: `/v1/responses`, below it `/input_tokens`, and what is kept, which is nothing."""

import re
from typing import Any, Final

import msgspec

from entresol.scripted import faults, openai_checks, responses_checks, responses_wire, wire_errors
from entresol.scripted.counting_checks import check_input_tokens
from entresol.scripted.prompt import reply_to
from entresol.scripted.script import Incoming, Refusal, Script, event_script, json_script
from entresol.scripted.settings import Answered, Settings

_PATH: Final = "/v1/responses"
_COUNT: Final = f"{_PATH}/input_tokens"
_FAMILIES: Final = re.compile(r"(?:gpt-|chatgpt-|o\d|codex-|scripted-)")
_GARBAGE_FRAME: Final = b"data: {not json\n\n"


def answer_responses(request: Incoming, settings: Settings) -> Answered | None:
    """The script for a request to Responses; None for any other path."""
    if request.path != _PATH and not request.path.startswith(f"{_PATH}/"):
        return None
    call = _Call(request, settings)
    try:
        script = call.run()
    except Refusal as refusal:
        script = wire_errors.render("openai", refusal, request)
    return Answered(script, "openai", call.model)


class _Call:
    """One request on its way through the checks; `model` is known once it has been read."""

    def __init__(self, request: Incoming, settings: Settings) -> None:
        self._request = request
        self._settings = settings
        self.model = ""

    def run(self) -> Script:
        """Carry it out. Raises Refusal."""
        request = self._request
        bearer = request.headers.get("authorization", "")
        key = bearer[7:] if bearer[:7].lower() == "bearer " else None
        if key not in self._settings.keys:
            raise wire_errors.bad_key("openai", key)
        if request.path == _COUNT and request.method == "POST":
            return self._bend(self._count(self._json()))
        if request.path != _PATH:
            name = request.path.removeprefix(f"{_PATH}/").partition("/")[0]
            raise Refusal(404, "invalid_request_error", f"Response with id '{name}' not found.")
        if request.method != "POST":
            raise Refusal(405, "invalid_request_error", f"Not allowed to {request.method} on {request.path}.")
        body = openai_checks.check_shape(self._json(), responses_checks.RESPONSES)
        self._use_model(str(body["model"]))
        responses_checks.check_responses(body)
        return self._bend(self._answer(body))

    def _json(self) -> Any:
        kind = self._request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            message = f"Unsupported content type: '{kind}'. This method only accepts 'application/json' requests."
            raise wire_errors.bad_body("openai", message)
        try:
            return msgspec.json.decode(self._request.body)
        except msgspec.DecodeError as error:
            message = f"The body of the request could not be parsed as JSON: {error}"
            raise wire_errors.bad_body("openai", message) from error

    def _use_model(self, model: str) -> None:
        self.model = model
        fault = faults.status_fault(model)
        if fault is not None:
            raise wire_errors.status_refusal("openai", fault)
        if _FAMILIES.match(model) is None and not faults.is_fault(model):
            raise wire_errors.no_model("openai", model)

    def _count(self, given: Any) -> Script:
        body = check_input_tokens(given)
        self._use_model(str(body["model"]))
        counted = responses_wire.read_responses(body).input_tokens
        return json_script(200, {"object": "response.input_tokens", "input_tokens": counted})

    def _answer(self, body: dict[str, Any]) -> Script:
        seed = self._request.body
        if body.get("background"):
            return json_script(200, responses_wire.queued_response(body, seed))
        prompt = responses_wire.read_responses(body)
        reply = reply_to(prompt)
        if body.get("stream"):
            return event_script(responses_wire.response_frames(body, prompt, reply, seed))
        return json_script(200, responses_wire.response_of(body, prompt, reply, seed))

    def _bend(self, script: Script) -> Script:
        error = responses_wire.error_frame()
        return faults.bend(script, self.model, self._settings.slow_s, error, _GARBAGE_FRAME)
