"""One session of OpenAI's realtime API, sans-IO: a client's event in, the server's events out. Deterministic.

The answer to a turn of text is that of chat, in one delta a word; sound that was committed is answered with how much it
was. Usage counts the whole conversation as read for each response, and all but the last turn of it as cached.
"""

import base64
import binascii
from typing import Any, Final

import msgspec

from entresol.scripted import tokens
from entresol.scripted.openai_checks import bad_request, refusal_for
from entresol.scripted.prompt import Prompt, reply_to
from entresol.scripted.realtime_checks import EVENTS
from entresol.scripted.script import Refusal

Event = dict[str, Any]

_BYTES_PER_AUDIO_TOKEN: Final = 4_800
_LEAST_AUDIO: Final = 4_800
"""Bytes of 100 ms of PCM at 24 kHz."""


class RealtimeSession:
    """What a server remembers of a session."""

    def __init__(self, model: str, seed: bytes) -> None:
        self._model = model
        self._seed = seed
        self._sent = 0
        self._sound = b""
        self._turns: list[tuple[str, int, int]] = []  # of the conversation: text, its tokens, those of sound
        self._known_tokens = 0  # read for an earlier response
        self._session: Event = {
            "type": "realtime", "object": "realtime.session", "id": self._id("sess_"), "model": model,
            "output_modalities": ["audio"], "instructions": "", "tools": [], "tool_choice": "auto",
            "max_output_tokens": "inf", "audio": {"input": {"transcription": None}, "output": {"voice": "marin"}},
        }  # fmt: skip

    def opened(self) -> list[Event]:
        """What the server says first."""
        return [self._event("session.created", session=self._session)]

    def receive(self, message: bytes) -> list[Event]:
        """The answer to one text message."""
        event: Any = None
        try:
            event = msgspec.json.decode(message)
            problem = EVENTS.check(event, ())
            if problem is not None:
                raise refusal_for(problem)
            return self._handle(event)
        except msgspec.DecodeError:
            return [self._error(bad_request("Could not parse the event as JSON.", None, "invalid_json"), None)]
        except Refusal as refusal:
            return [self._error(refusal, event.get("event_id") if isinstance(event, dict) else None)]

    def _handle(self, event: Event) -> list[Event]:
        match event["type"]:
            case "session.update":
                return self._update(event["session"])
            case "conversation.item.create":
                return self._add_item(event["item"])
            case "input_audio_buffer.append":
                return self._append(event["audio"])
            case "input_audio_buffer.commit":
                return self._commit()
            case "input_audio_buffer.clear":
                self._sound = b""
                return [self._event("input_audio_buffer.cleared")]
            case "response.create":
                return self._respond(event.get("response") or {})
            case "response.cancel":
                raise bad_request("Cancellation failed: no active response found", None, "response_cancel_not_active")
        raise bad_request(f"Item '{event['item_id']}' does not exist.", "item_id", "item_delete_invalid_item_id")

    def _update(self, changes: Event) -> list[Event]:
        if changes.get("model", self._model) != self._model:
            raise bad_request("The model of a session cannot be changed.", "session.model", "cannot_update_model")
        self._session.update(changes)
        return [self._event("session.updated", session=self._session)]

    def _add_item(self, item: Event) -> list[Event]:
        item = {"id": self._id("item_"), "object": "realtime.item", "status": "completed", **item}
        texts = [part.get("text", "") for part in item.get("content", [])] or [item.get("output", "")]
        sound = sum(len(_sound_of(part["audio"])) for part in item.get("content", []) if "audio" in part)
        self._turn(" ".join(texts), sound)
        return self._item_events(item)

    def _append(self, audio: str) -> list[Event]:
        self._sound += _sound_of(audio)
        return []

    def _commit(self) -> list[Event]:
        if len(self._sound) < _LEAST_AUDIO:
            message = "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio."
            raise bad_request(message, None, "input_audio_buffer_commit_empty")
        sound, self._sound = self._sound, b""
        self._turn(f"{len(sound)} bytes of sound", len(sound), spoken=True)
        content = [{"type": "input_audio", "transcript": None}]
        item: Event = {"id": self._id("item_"), "object": "realtime.item", "type": "message", "status": "completed"}
        item |= {"role": "user", "content": content}
        committed = self._event("input_audio_buffer.committed", previous_item_id=None, item_id=item["id"])
        return [committed, *self._item_events(item), *self._transcribed(str(item["id"]), len(sound))]

    def _transcribed(self, item_id: str, size: int) -> list[Event]:
        wanted = ((self._session["audio"] or {}).get("input") or {}).get("transcription")
        if not wanted:
            return []
        usage: Event = {"type": "duration", "seconds": size / 48_000}
        if str(wanted.get("model")).startswith("gpt-4o"):
            heard = -(-size // _BYTES_PER_AUDIO_TOKEN)
            details = {"audio_tokens": heard, "text_tokens": 0}
            usage = {"type": "tokens", "input_tokens": heard, "output_tokens": 5, "total_tokens": heard + 5}
            usage["input_token_details"] = details
        kind = "conversation.item.input_audio_transcription.completed"
        return [self._event(kind, item_id=item_id, content_index=0, transcript=f"{size} bytes of sound", usage=usage)]

    def _respond(self, wanted: Event) -> list[Event]:
        if not self._turns:
            raise bad_request("The conversation is empty.", None, "conversation_empty")
        modes = wanted.get("output_modalities") or self._session["output_modalities"]
        is_spoken = "audio" in modes
        text = reply_to(Prompt(self._model, text=self._turns[-1][0])).text
        response: Event = {
            "object": "realtime.response", "id": self._id("resp_"), "status": "in_progress", "status_details": None,
            "output": [], "conversation_id": self._session["id"].replace("sess", "conv"), "output_modalities": modes,
            "max_output_tokens": "inf", "metadata": wanted.get("metadata"), "usage": None,
        }  # fmt: skip
        item: Event = {"id": self._id("item_"), "object": "realtime.item", "type": "message", "role": "assistant"}
        begun = {**item, "status": "in_progress", "content": []}
        at = {"response_id": response["id"], "item_id": item["id"], "output_index": 0, "content_index": 0}
        beside = {"response_id": response["id"], "output_index": 0}
        part, deltas = self._spoken(text, at) if is_spoken else self._written(text, at)
        done = {**item, "status": "completed", "content": [{**part, "type": f"output_{part['type']}"}]}
        events = [
            self._event("response.created", response=response),
            self._event("response.output_item.added", item=begun, **beside),
            self._event("response.content_part.added", part={"type": part["type"], "text": ""}, **at),
            *deltas,
            self._event("response.content_part.done", part=part, **at),
            self._event("response.output_item.done", item=done, **beside),
        ]
        usage = self._usage(text, is_spoken)
        final = {**response, "status": "completed", "output": [done], "usage": usage}
        self._known_tokens = usage["input_tokens"]
        self._turn(text, 0)
        return [*events, self._event("response.done", response=final)]

    def _written(self, text: str, at: Event) -> tuple[Event, list[Event]]:
        deltas = [self._event("response.output_text.delta", delta=piece, **at) for piece in tokens.pieces(text)]
        return {"type": "text", "text": text}, [*deltas, self._event("response.output_text.done", text=text, **at)]

    def _spoken(self, text: str, at: Event) -> tuple[Event, list[Event]]:
        events = []
        for piece in tokens.pieces(text):
            sound = base64.b64encode(bytes(480 * len(piece))).decode()
            events.append(self._event("response.output_audio_transcript.delta", delta=piece, **at))
            events.append(self._event("response.output_audio.delta", delta=sound, **at))
        events.append(self._event("response.output_audio.done", **at))
        events.append(self._event("response.output_audio_transcript.done", transcript=text, **at))
        return {"type": "audio", "transcript": text}, events

    def _usage(self, text: str, is_spoken: bool) -> Event:
        texts = sum(turn[1] for turn in self._turns)
        sounds = sum(turn[2] for turn in self._turns)
        said = tokens.count_text(text)
        spoken = 4 * said if is_spoken else 0
        cached = min(self._known_tokens, texts)
        return {
            "total_tokens": texts + sounds + said + spoken,
            "input_tokens": texts + sounds, "output_tokens": said + spoken,
            "input_token_details": {
                "text_tokens": texts, "audio_tokens": sounds, "cached_tokens": cached,
                "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0},
            },
            "output_token_details": {"text_tokens": said, "audio_tokens": spoken},
        }  # fmt: skip

    def _turn(self, text: str, sound: int, spoken: bool = False) -> None:
        words = 0 if spoken else tokens.count_text(text) + tokens.MESSAGE_OVERHEAD
        self._turns.append((text, words, -(-sound // _BYTES_PER_AUDIO_TOKEN)))

    def _item_events(self, item: Event) -> list[Event]:
        kinds = ("conversation.item.added", "conversation.item.done")
        return [self._event(kind, previous_item_id=None, item=item) for kind in kinds]

    def _error(self, refusal: Refusal, event_id: object) -> Event:
        error = {"type": refusal.kind, "code": refusal.code, "message": refusal.message, "param": refusal.param}
        return self._event("error", error={**error, "event_id": event_id})

    def _event(self, kind: str, **fields: Any) -> Event:
        return {"type": kind, "event_id": self._id("event_"), **fields}

    def _id(self, prefix: str) -> str:
        self._sent += 1
        return tokens.derived_id(prefix, 20, self._seed, self._sent)


def _sound_of(audio: str) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError):
        message = "Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz)."
        raise bad_request(message, "audio", "invalid_value") from None
