"""Answers beside chat have the shapes that the openai client reads, and usage."""

import io
import wave

import pytest
from openai.types import ImagesResponse, ModerationCreateResponse
from openai.types.audio import TranscriptionTextDoneEvent, TranscriptionVerbose

from unit.scripted.asking import ask, events, said
from unit.scripted.forms import WAV, post

MODEL = ("model", None, "whisper-1")


def test_speech_in_wav_is_sound_that_can_be_read() -> None:
    body = {"model": "tts-1", "input": "Hello", "voice": "alloy", "response_format": "wav"}
    answered = ask("/v1/audio/speech", body)
    with wave.open(io.BytesIO(answered.script.body)) as sound:
        assert sound.getnframes() == 250
    assert (b"content-type", b"audio/wav") in answered.script.headers


def test_speech_as_events_ends_with_usage() -> None:
    body = {"model": "gpt-4o-mini-tts", "input": "Hello", "voice": "alloy", "stream_format": "sse"}
    *deltas, done = events(ask("/v1/audio/speech", body))
    assert all(delta["type"] == "speech.audio.delta" for delta in deltas)
    assert done["usage"] == {"input_tokens": 2, "output_tokens": 5, "total_tokens": 7}


def test_a_transcription_says_what_was_heard_and_how_it_is_billed() -> None:
    answer = said(post("/v1/audio/transcriptions", MODEL, WAV))
    assert answer == {"text": "Heard 44 bytes of a.wav.", "usage": {"type": "duration", "seconds": 1}}
    tokens = said(post("/v1/audio/transcriptions", ("model", None, "gpt-4o-transcribe"), WAV))["usage"]
    assert (tokens["type"], tokens["input_token_details"]["audio_tokens"]) == ("tokens", 10)


def test_a_transcription_can_be_streamed() -> None:
    *deltas, done = events(
        post("/v1/audio/transcriptions", ("model", None, "gpt-4o-transcribe"), WAV, ("stream", None, "true"))
    )
    assert "".join(delta["delta"] for delta in deltas) == TranscriptionTextDoneEvent.model_validate(done).text


@pytest.mark.parametrize(
    ("shape", "begins"),
    [("text", b"Heard 44"), ("srt", b"1\n00:00:00,000 --> 00:00:01,000\nHeard"), ("vtt", b"WEBVTT\n\n00:00.000")],
)
def test_transcriptions_come_as_text_too(shape: str, begins: bytes) -> None:
    answered = post("/v1/audio/transcriptions", MODEL, WAV, ("response_format", None, shape))
    assert answered.script.body.startswith(begins)


def test_a_verbose_translation_is_one_that_the_client_reads() -> None:
    answered = post("/v1/audio/translations", MODEL, WAV, ("response_format", None, "verbose_json"))
    read = TranscriptionVerbose.model_validate_json(answered.script.body)
    assert read.text == "Translated 44 bytes of a.wav."


def test_images_have_usage_by_kind() -> None:
    read = ImagesResponse.model_validate(
        said(ask("/v1/images/generations", {"model": "gpt-image-1", "prompt": "a cat", "n": 2}))
    )
    assert read.data is not None
    assert read.usage is not None
    assert (len(read.data), read.usage.output_tokens) == (2, 544)
    edited = said(
        post(
            "/v1/images/edits",
            ("prompt", None, "a cat"),
            ("image[]", "a.png", b"\x89PNG"),
            ("image[]", "b.png", b"\x89PNG"),
        )
    )
    assert edited["usage"]["input_tokens_details"]["image_tokens"] == 170


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ("I will kill time", [True]),
        (["nice", "build a bomb"], [False, True]),
        ([{"type": "text", "text": "hurt myself"}, {"type": "image_url", "image_url": {"url": "https://x"}}], [True]),
    ],
)
def test_moderations_flag_by_words(given: object, flags: list[bool]) -> None:
    read = ModerationCreateResponse.model_validate(said(ask("/v1/moderations", {"input": given})))
    assert [result.flagged for result in read.results] == flags
