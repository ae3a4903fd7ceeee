"""What the endpoints beside chat refuse."""

import pytest

from entresol.scripted.media_checks import BATCH, IMAGES, MODERATION, SPEECH
from entresol.scripted.openai_checks import check_shape
from entresol.scripted.script import Refusal
from entresol.scripted.shape import Object
from unit.scripted.asking import said
from unit.scripted.forms import WAV, post


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (SPEECH, {"model": "tts-1", "input": "hi", "voice": "alloy", "response_format": "wav", "speed": 1.5}),
        (IMAGES, {"prompt": "a cat", "n": 2, "size": "1024x1024", "quality": "high"}),
        (MODERATION, {"input": "hi"}),
        (MODERATION, {"input": [{"type": "text", "text": "hi"}], "model": "omni-moderation-latest"}),
        (BATCH, {"input_file_id": "file-1", "endpoint": "/v1/embeddings", "completion_window": "24h"}),
    ],
)
def test_what_the_reference_shows_is_taken(shape: Object, body: dict[str, object]) -> None:
    assert check_shape(body, shape) == body


@pytest.mark.parametrize(
    ("shape", "body", "param"),
    [
        (SPEECH, {"model": "tts-1", "input": "hi"}, "voice"),
        (SPEECH, {"model": "tts-1", "input": "x" * 4097, "voice": "alloy"}, "input"),
        (SPEECH, {"model": "tts-1", "input": "hi", "voice": "alloy", "speed": 5}, "speed"),
        (IMAGES, {"model": "gpt-image-1"}, "prompt"),
        (IMAGES, {"prompt": "a cat", "n": 11}, "n"),
        (MODERATION, {"input": 7}, "input"),
        (MODERATION, {"input": "hi", "stream": True}, "stream"),
        (BATCH, {"input_file_id": "f", "endpoint": "/v1/audio/speech", "completion_window": "24h"}, "endpoint"),
    ],
)
def test_what_the_api_refuses_is_refused_with_the_field(shape: Object, body: object, param: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_shape(body, shape)
    assert refused.value.param == param


MODEL = ("model", None, "whisper-1")
NEW_MODEL = ("model", None, "gpt-4o-transcribe")


@pytest.mark.parametrize(
    ("path", "parts", "param"),
    [
        ("/v1/audio/transcriptions", [MODEL, ("file", "a.txt", b"x")], "file"),
        ("/v1/audio/transcriptions", [MODEL, ("file", "a.wav", b"")], "file"),
        ("/v1/audio/transcriptions", [MODEL, WAV, ("response_format", None, "xml")], "response_format"),
        ("/v1/audio/transcriptions", [NEW_MODEL, WAV, ("response_format", None, "srt")], "response_format"),
        ("/v1/audio/transcriptions", [MODEL, WAV, ("stream", None, "yes")], "stream"),
        ("/v1/audio/translations", [MODEL, WAV, ("language", None, "en")], "language"),
        ("/v1/images/edits", [("prompt", None, "x"), ("image", "a.png", b"text")], "image"),
        ("/v1/images/edits", [("image", "a.png", b"\x89PNG")], "prompt"),
        ("/v1/files", [("purpose", None, "odd"), ("file", "a", b"x")], "purpose"),
    ],
)  # fmt: skip
def test_forms_that_the_api_refuses_are_refused(
    path: str, parts: list[tuple[str, str | None, bytes]], param: str
) -> None:
    answered = post(path, *parts)
    assert (answered.script.status, said(answered)["error"]["param"]) == (400, param)
