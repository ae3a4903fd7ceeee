"""Images, documents and sound, as each client sends them, at every provider: taken, or refused with a reason.

What a provider cannot take must not get lost in silence: the model would answer a question that nobody asked.
"""

import base64
from typing import Any

import pytest
from google.genai import types as genai_types

from contract.sdk.stand import CLIENTS, MODELS, PROVIDERS, Stand
from contract.sdk.talking import PIXEL, TALKS, Failure, Heard

PDF = base64.b64encode(b"%PDF-1.4\n").decode()
WAV = base64.b64encode(b"RIFF\x24\0\0\0WAVEfmt ").decode()
MP3 = base64.b64encode(b"ID3\x04\0\0\0\0\0\0").decode()
FLAC = base64.b64encode(b"fLaC\0\0\0\x22").decode()
PICTURE = "https://images.example/cat.jpg"
PAPER = "https://papers.example/paper.pdf"
NOTES = "Buy milk."

SENT: dict[str, dict[str, Any]] = {
    "openai": {
        "image data": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        "image url": {"type": "image_url", "image_url": {"url": PICTURE}},
        "pdf data": {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
        },
        "wav": {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}},
        "mp3": {"type": "input_audio", "input_audio": {"data": MP3, "format": "mp3"}},
    },
    "anthropic": {
        "image data": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        "image url": {"type": "image", "source": {"type": "url", "url": PICTURE}},
        "pdf data": {
            "type": "document",
            "title": "a.pdf",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
        },
        "pdf url": {"type": "document", "source": {"type": "url", "url": PAPER}},
        "text file": {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": NOTES}},
    },
    "gemini": {
        "image data": genai_types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png"),
        "image url": genai_types.Part.from_uri(file_uri=PICTURE, mime_type="image/jpeg"),
        "pdf data": genai_types.Part.from_bytes(data=base64.b64decode(PDF), mime_type="application/pdf"),
        "pdf url": genai_types.Part.from_uri(file_uri=PAPER, mime_type="application/pdf"),
        "text file": genai_types.Part.from_bytes(data=NOTES.encode(), mime_type="text/plain"),
        "wav": genai_types.Part.from_bytes(data=base64.b64decode(WAV), mime_type="audio/wav"),
        "mp3": genai_types.Part.from_bytes(data=base64.b64decode(MP3), mime_type="audio/mp3"),
        "flac": genai_types.Part.from_bytes(data=base64.b64decode(FLAC), mime_type="audio/flac"),
    },
}
"""What each client can send, in its own words."""
AS_DATA = {
    "image data": "one image (image/png, 70 bytes)",
    "pdf data": "one document (application/pdf, 9 bytes)",
    "wav": "one audio clip (audio/wav, 16 bytes)",
    "flac": "one audio clip (audio/flac, 8 bytes)",
}
SEEN: dict[str, dict[str, str]] = {
    "openai": {
        **AS_DATA,
        "image url": "one image (unknown type, by reference)",
        "text file": NOTES,
        "mp3": "one audio clip (audio/mpeg, 10 bytes)",
        "pdf url": "",
        "flac": "",
    },
    "anthropic": {
        **AS_DATA,
        "image url": "one image (unknown type, by reference)",
        "pdf url": "one document (unknown type, by reference)",
        "text file": "one document (text/plain, 9 bytes)",
        "wav": "",
        "mp3": "",
        "flac": "",
    },
    "gemini": {
        **AS_DATA,
        "image url": "one image (image/jpeg, by reference)",
        "pdf url": "one document (application/pdf, by reference)",
        "text file": "one document (text/plain, 9 bytes)",
        "mp3": "one audio clip (audio/mp3, 10 bytes)",
    },
}
"""What the model of each provider says of it; nothing where the provider has no way to take it."""
SEEN["openai-compatible"] = SEEN["openai"]
REFUSED = "unsupported_by_provider"

cases = pytest.mark.parametrize(
    ("client", "provider", "kind"),
    [(client, provider, kind) for client in CLIENTS for provider in PROVIDERS for kind in SENT[client]],
)


def ask(stand: Stand, client: str, provider: str, part: Any, stream: bool, hears: bool = False) -> Heard | Failure:
    """What comes of a question with something beside it; `hears`: of a model that takes sound, if there is one."""
    model = "gpt-audio" if hears and provider.startswith("openai") else MODELS[provider]
    talk = TALKS[client](stand, provider)
    if client == "gemini":
        turn: Any = genai_types.Content(role="user", parts=[genai_types.Part(text="Look"), part])
    else:
        turn = {"role": "user", "content": [{"type": "text", "text": "Look"}, part]}
    try:
        return talk.ask(model, [turn], stream=stream)
    except talk.errors as error:
        return talk.failure(error)


@cases
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_sent_beside_a_question_is_seen_or_refused(
    stand: Stand, client: str, provider: str, kind: str, stream: bool
) -> None:
    before = len(stand.provider.received)
    part, seen = SENT[client][kind], SEEN[provider][kind]
    outcome = ask(stand, client, provider, part, stream, kind in ("wav", "mp3", "flac"))
    if seen:
        assert isinstance(outcome, Heard), outcome
        assert seen in outcome.text
        return
    assert isinstance(outcome, Failure)
    assert outcome.status == 400
    assert f"is not supported by provider {provider}" in outcome.message or "does not take" in outcome.message
    assert len(stand.provider.received) == before


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_the_name_of_a_document_goes_along_or_is_reported(stand: Stand, client: str, provider: str) -> None:
    """google-genai's `Part.from_bytes` gives none, so its client writes it out."""
    blob = genai_types.Blob(data=base64.b64decode(PDF), mime_type="application/pdf", display_name="a.pdf")
    part = genai_types.Part(inline_data=blob) if client == "gemini" else SENT[client]["pdf data"]
    outcome = ask(stand, client, provider, part, False)
    assert isinstance(outcome, Heard), outcome
    assert b'"a.pdf"' in stand.last.body


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_upload_at_one_provider_is_never_taken_for_one_at_another(stand: Stand, provider: str) -> None:
    part = {"type": "file", "file": {"file_id": "file-1"}}
    outcome = ask(stand, "openai", provider, part, False)
    if provider.startswith("openai"):
        assert isinstance(outcome, Heard)
    else:
        assert isinstance(outcome, Failure)
        assert outcome.status == 400
