"""Answers in the words of OpenAI's images, speech, transcriptions and moderations. Deterministic, with usage."""

import base64
import re
import struct
from typing import Any, Final

from entresol.scripted import tokens
from entresol.scripted.media_forms import Part, text_of
from entresol.scripted.openai_wire import CREATED, frame
from entresol.scripted.script import Script, Send, event_script, json_script

Body = dict[str, Any]

_PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_IMAGE_TOKENS: Final = 272
_BYTES_PER_SECOND: Final = 16_000
_CATEGORIES: Final = {
    "harassment": r"\bhate you\b", "harassment/threatening": r"\bget you\b", "hate": r"\bhate all\b",
    "hate/threatening": r"$^", "illicit": r"\bpick a lock\b", "illicit/violent": r"\bbuild a bomb\b",
    "self-harm": r"\bhurt myself\b", "self-harm/instructions": r"$^", "self-harm/intent": r"\bhurt myself\b",
    "sexual": r"$^", "sexual/minors": r"$^", "violence": r"\bkill\b", "violence/graphic": r"$^",
}  # fmt: skip
_SOUND_TYPES: Final = {
    "mp3": b"audio/mpeg", "opus": b"audio/opus", "aac": b"audio/aac", "flac": b"audio/flac", "wav": b"audio/wav",
    "pcm": b"audio/pcm",
}  # fmt: skip


def speech(body: Body) -> Script:
    """Sound: a WAV head where asked for, and a byte of silence a letter."""
    text: str = body["input"]
    silence = bytes(len(text.encode()) * 100)
    if body.get("stream_format") == "sse":
        usage = _usage(tokens.count_text(text), len(text))
        deltas = [
            {"type": "speech.audio.delta", "audio": base64.b64encode(silence[at : at + 1000]).decode()}
            for at in range(0, len(silence), 1000)
        ]
        return event_script([frame(each) for each in (*deltas, {"type": "speech.audio.done", "usage": usage})])
    kind = body.get("response_format", "mp3")
    sound = _wav(silence) if kind == "wav" else silence
    pieces = tuple(Send(sound[at : at + 4096]) for at in range(0, len(sound), 4096))
    return Script(200, [(b"content-type", _SOUND_TYPES[kind])], pieces, streamed=True)


def _wav(samples: bytes) -> bytes:
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16_000, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + len(samples), b"WAVE")
        + fmt
        + struct.pack("<4sI", b"data", len(samples))
        + samples
    )


def transcription(parts: list[Part], translates: bool) -> Script:
    """The text of a file: what it holds if that is text, else how much it is."""
    (sound,) = [part for part in parts if part.name == "file"]
    model, shape = text_of(parts, "model"), text_of(parts, "response_format", "json")
    text = f"{'Translated' if translates else 'Heard'} {len(sound.data)} bytes of {sound.filename}."
    seconds = max(1, len(sound.data) // _BYTES_PER_SECOND)
    usage: Body = {"type": "duration", "seconds": seconds}
    if model.startswith("gpt-4o"):
        details = {"text_tokens": tokens.count_text(text_of(parts, "prompt")), "audio_tokens": 10 * seconds}
        usage = {
            "type": "tokens",
            **_usage(sum(details.values()), tokens.count_text(text)),
            "input_token_details": details,
        }
    if text_of(parts, "stream") == "true":
        deltas = [{"type": "transcript.text.delta", "delta": piece} for piece in tokens.pieces(text)]
        return event_script(
            [frame(each) for each in (*deltas, {"type": "transcript.text.done", "text": text, "usage": usage})]
        )
    if shape == "json":
        return json_script(200, {"text": text, "usage": usage})
    if shape == "verbose_json":
        segment = {
            "id": 0,
            "seek": 0,
            "start": 0.0,
            "end": float(seconds),
            "text": text,
            "tokens": [],
            "temperature": 0.0,
        }
        segment |= {"avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.0}
        head = {"task": "translate" if translates else "transcribe", "language": "english", "duration": float(seconds)}
        return json_script(200, {**head, "text": text, "segments": [segment], "usage": usage})
    if shape == "text":
        return _plain(f"{text}\n")
    end = f"00:00:{seconds % 60:02d}"
    if shape == "srt":
        return _plain(f"1\n00:00:00,000 --> {end},000\n{text}\n\n")
    return _plain(f"WEBVTT\n\n00:00.000 --> 00:{seconds % 60:02d}.000\n{text}\n\n")


def _plain(text: str) -> Script:
    return Script(200, [(b"content-type", b"text/plain; charset=utf-8")], (Send(text.encode()),))


def images(prompt: str, count: int, inputs: int = 0) -> Script:
    """Images of one pixel. `inputs`: how many images the request brought."""
    text = tokens.count_text(prompt)
    read = text + inputs * tokens.IMAGE_TOKENS
    usage = {
        **_usage(read, count * _IMAGE_TOKENS),
        "input_tokens_details": {"text_tokens": text, "image_tokens": inputs * tokens.IMAGE_TOKENS},
    }
    data = [{"b64_json": base64.b64encode(_PIXEL).decode()} for _ in range(count)]
    return json_script(200, {"created": CREATED, "data": data, "usage": usage})


def moderation(body: Body, seed: bytes) -> Script:
    """A result for each input; parts of one input make one result."""
    given: Any = body["input"]
    texts: list[Any] = [given] if isinstance(given, str) else given
    if texts and isinstance(texts[0], dict):
        texts = [" ".join(part.get("text", "") for part in texts)]
    answer_id = tokens.derived_id("modr-", 24, seed)
    model = body.get("model", "omni-moderation-latest")
    return json_script(200, {"id": answer_id, "model": model, "results": [_verdict(text) for text in texts]})


def _verdict(text: str) -> Body:
    flags = {name: re.search(pattern, text.lower()) is not None for name, pattern in _CATEGORIES.items()}
    scores = {name: 0.9 if flag else 0.01 for name, flag in flags.items()}
    kinds: Body = {name: ["text"] for name in flags}
    return {
        "flagged": any(flags.values()),
        "categories": flags,
        "category_scores": scores,
        "category_applied_input_types": kinds,
    }


def _usage(read: int, made: int) -> Body:
    return {"input_tokens": read, "output_tokens": made, "total_tokens": read + made}
