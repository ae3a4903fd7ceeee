"""OpenAI's endpoints beside chat: audio, images, moderations, files and batches."""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from entresol.scripted import faults, media_checks, media_wire, wire_errors
from entresol.scripted.media_forms import Part, read_form, text_of
from entresol.scripted.openai_checks import bad_request, check_shape
from entresol.scripted.openai_wire import frame
from entresol.scripted.script import Incoming, Refusal, Script, Send, json_script
from entresol.scripted.settings import Answered, Settings
from entresol.scripted.shape import Object

_PATH: Final = re.compile(
    r"/v1/(?P<what>audio/speech|audio/transcriptions|audio/translations|images/generations|images/edits|moderations"
    r"|files|batches)(?:/(?P<id>[\w-]+)(?P<rest>/content|/cancel)?)?"
)
_MODELS: Final = re.compile(r"(gpt-|whisper-|tts-|dall-e-|omni-moderation-|text-moderation-|chatgpt-|scripted-)")
_ERROR: Final = {"error": {"message": "The server had an error.", "type": "server_error", "param": None, "code": None}}


def answer_media(request: Incoming, settings: Settings) -> Answered | None:
    """The script for a request to one of these paths; None for any other."""
    match = _PATH.fullmatch(request.path)
    if match is None or "anthropic-version" in request.headers:
        return None
    call = _Call(request, settings, match["what"], match["id"], match["rest"] or "")
    try:
        script = call.run()
    except Refusal as refusal:
        script = wire_errors.render("openai", refusal, request)
    return Answered(script, "openai", call.model)


class _Call:
    """One request on its way through the checks."""

    def __init__(self, request: Incoming, settings: Settings, what: str, item: str | None, rest: str) -> None:
        self._request = request
        self._settings = settings
        self._shelf = settings.shelf
        self._what = what
        self._item = item
        self._rest = rest
        self.model = ""

    def run(self) -> Script:
        """Carry it out. Raises Refusal."""
        given = self._request.headers.get("authorization", "")
        key = given[7:] if given[:7].lower() == "bearer " else None
        if key not in self._settings.keys:
            raise wire_errors.bad_key("openai", key)
        handler = self._handlers().get((self._request.method, self._what, self._item is not None, self._rest))
        if handler is None:
            raise Refusal(405, "invalid_request_error", f"Not allowed to {self._request.method} on this path.")
        script = handler()
        return faults.bend(script, self.model, self._settings.slow_s, frame(_ERROR), b"data: {not json\n\n")

    def _handlers(self) -> dict[tuple[str, str, bool, str], Callable[[], Script]]:
        return {
            ("POST", "audio/speech", False, ""): self._speech,
            ("POST", "audio/transcriptions", False, ""): self._transcribe,
            ("POST", "audio/translations", False, ""): self._transcribe,
            ("POST", "images/generations", False, ""): self._images,
            ("POST", "images/edits", False, ""): self._edit,
            ("POST", "moderations", False, ""): self._moderate,
            ("POST", "files", False, ""): self._upload,
            ("GET", "files", False, ""): self._list_files,
            ("GET", "files", True, ""): lambda: json_script(200, self._file().row),
            ("GET", "files", True, "/content"): self._content,
            ("DELETE", "files", True, ""): self._delete,
            ("POST", "batches", False, ""): self._start_batch,
            ("GET", "batches", False, ""): lambda: _page(list(self._shelf.batches.values())),
            ("GET", "batches", True, ""): lambda: json_script(200, self._batch()),
            ("POST", "batches", True, "/cancel"): self._cancel_batch,
        }

    def _json(self, shape: Object) -> dict[str, Any]:
        if self._request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise bad_request("Unsupported content type. This method only accepts 'application/json' requests.")
        try:
            decoded = msgspec.json.decode(self._request.body)
        except msgspec.DecodeError as error:
            raise bad_request(f"The body of the request could not be parsed as JSON: {error}") from error
        return check_shape(decoded, shape)

    def _form(self) -> list[Part]:
        return read_form(self._request.headers.get("content-type", ""), self._request.body)

    def _use_model(self, model: str) -> None:
        self.model = model
        fault = faults.status_fault(model)
        if fault is not None:
            raise wire_errors.status_refusal("openai", fault)
        if not _MODELS.match(model):
            raise wire_errors.no_model("openai", model)

    def _speech(self) -> Script:
        body = self._json(media_checks.SPEECH)
        self._use_model(body["model"])
        return media_wire.speech(body)

    def _transcribe(self) -> Script:
        parts = self._form()
        translates = self._what == "audio/translations"
        media_checks.check_sound(parts, translates)
        self._use_model(text_of(parts, "model"))
        return media_wire.transcription(parts, translates)

    def _images(self) -> Script:
        body = self._json(media_checks.IMAGES)
        self._use_model(body.get("model", "dall-e-2"))
        return media_wire.images(body["prompt"], body.get("n") or 1)

    def _edit(self) -> Script:
        parts = self._form()
        media_checks.check_edit(parts)
        self._use_model(text_of(parts, "model", "gpt-image-1"))
        count = text_of(parts, "n", "1")
        if not count.isdecimal() or not 1 <= int(count) <= 10:
            raise bad_request(f"Invalid 'n': integer between 1 and 10 expected, got {count}.", "n")
        inputs = len([part for part in parts if part.filename is not None])
        return media_wire.images(text_of(parts, "prompt"), int(count), inputs)

    def _moderate(self) -> Script:
        body = self._json(media_checks.MODERATION)
        self._use_model(body.get("model", "omni-moderation-latest"))
        return media_wire.moderation(body, self._request.body)

    def _upload(self) -> Script:
        parts = self._form()
        media_checks.check_upload(parts)
        (sent,) = [part for part in parts if part.name == "file"]
        stored = self._shelf.put(sent.filename or "", text_of(parts, "purpose"), sent.data)
        return json_script(200, stored.row)

    def _list_files(self) -> Script:
        purpose = parse_qs(self._request.query).get("purpose")
        rows = [stored.row for stored in self._shelf.files.values() if not purpose or stored.purpose in purpose]
        return _page(rows)

    def _file(self) -> Any:
        stored = self._shelf.files.get(self._item or "")
        if stored is None:
            raise Refusal(404, "invalid_request_error", f"No such File object: {self._item}", param="id")
        return stored

    def _content(self) -> Script:
        stored = self._file()
        return Script(200, [(b"content-type", b"application/octet-stream")], (Send(stored.data),))

    def _delete(self) -> Script:
        stored = self._file()
        del self._shelf.files[stored.id]
        return json_script(200, {"id": stored.id, "object": "file", "deleted": True})

    def _start_batch(self) -> Script:
        body = self._json(media_checks.BATCH)
        stored = self._shelf.files.get(body["input_file_id"])
        if stored is None or stored.purpose != "batch":
            raise bad_request("Invalid 'input_file_id': no such file with the purpose 'batch'.", "input_file_id")
        return json_script(200, self._shelf.start(body))

    def _batch(self) -> dict[str, Any]:
        batch = self._shelf.batches.get(self._item or "")
        if batch is None:
            raise Refusal(404, "invalid_request_error", f"No batch found with id '{self._item}'.")
        return batch

    def _cancel_batch(self) -> Script:
        batch = self._batch()
        if batch["status"] != "in_progress":
            raise Refusal(409, "invalid_request_error", f"Cannot cancel a batch with status '{batch['status']}'.")
        batch["status"] = "cancelling"
        return json_script(200, batch)


def _page(rows: list[dict[str, Any]]) -> Script:
    ends = {"first_id": rows[0]["id"] if rows else None, "last_id": rows[-1]["id"] if rows else None}
    return json_script(200, {"object": "list", "data": rows, "has_more": False, **ends})
