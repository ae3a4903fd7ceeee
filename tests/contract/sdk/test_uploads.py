"""Sound, images, files, batches and moderations with OpenAI's client, through the gateway."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from contract.sdk.media_stand import MediaStand
from contract.sdk.stand import GATEWAY_KEY
from contract.sdk.talking import PIXEL

WAV = ("a.wav", b"RIFF" + bytes(40), "audio/wav")
IMAGE = ("a.png", base64.b64decode(PIXEL), "image/png")


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaStand]:
    running = MediaStand(tmp_path_factory.mktemp("media"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _closed(media: MediaStand) -> Iterator[None]:
    yield
    media.clients.close()


def client(media: MediaStand, prefix: str = "one") -> openai.OpenAI:
    sdk = openai.OpenAI(base_url=f"{media.url}/{prefix}/v1", api_key=GATEWAY_KEY, max_retries=0)
    media.clients.callback(sdk.close)
    return sdk


def test_a_transcription_keeps_its_fields_and_gets_the_gateways_credential(media: MediaStand) -> None:
    said = client(media, "open").audio.transcriptions.create(
        model="gpt-4o-transcribe", file=WAV, prompt="names", language="en"
    )
    assert said.text == "Heard 44 bytes of a.wav."
    assert said.usage is not None
    assert said.usage.type == "tokens"
    received = media.last
    assert received.headers.get(b"authorization") == b"Bearer scripted-key"
    assert b'name="language"\r\n\r\nen' in received.body
    assert received.model == "gpt-4o-transcribe"


def test_the_routes_model_is_put_in_where_the_client_names_none(media: MediaStand) -> None:
    body = {"file": WAV}
    answer = httpx.post(
        f"{media.url}/one/v1/audio/transcriptions", files=body, headers={"authorization": f"Bearer {GATEWAY_KEY}"}
    )
    assert answer.status_code == 200
    assert media.last.model == "gpt-4o-transcribe"
    assert answer.headers["x-entresol-llm-model"] == "openai/gpt-4o-transcribe"


def test_another_model_than_the_routes_is_refused(media: MediaStand) -> None:
    with pytest.raises(openai.BadRequestError, match="must be: gpt-4o-transcribe"):
        client(media).audio.transcriptions.create(model="whisper-1", file=WAV)


def test_a_form_without_any_model_is_refused(media: MediaStand) -> None:
    answer = httpx.post(
        f"{media.url}/open/v1/audio/transcriptions",
        files={"file": WAV},
        headers={"authorization": f"Bearer {GATEWAY_KEY}"},
    )
    assert (answer.status_code, answer.headers["x-entresol-error"]) == (400, "model_missing")


def test_a_model_that_stands_after_the_file_is_found(media: MediaStand) -> None:
    parts: Any = [("file", ("a.wav", b"RIFF" + bytes(200_000), "audio/wav")), ("model", (None, b"whisper-1"))]
    answer = httpx.post(
        f"{media.url}/open/v1/audio/transcriptions", files=parts, headers={"authorization": f"Bearer {GATEWAY_KEY}"}
    )
    assert answer.json()["text"] == "Heard 200004 bytes of a.wav."
    assert answer.headers["x-entresol-llm-model"] == "openai/whisper-1"


def test_a_transcription_is_streamed(media: MediaStand) -> None:
    stream = client(media).audio.transcriptions.create(model="gpt-4o-transcribe", file=WAV, stream=True)
    events = list(stream)
    assert events[-1].type == "transcript.text.done"
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == events[-1].text


def test_subtitles_pass_as_text(media: MediaStand) -> None:
    said = client(media, "open").audio.transcriptions.create(model="whisper-1", file=WAV, response_format="srt")
    assert "00:00:00,000 --> 00:00:01,000" in str(said)


def test_a_translation_is_one(media: MediaStand) -> None:
    with pytest.deprecated_call():  # the client says so; the API has it
        said = client(media).audio.translations.create(model="whisper-1", file=WAV)
    assert said.text == "Translated 44 bytes of a.wav."


def test_speech_is_sound(media: MediaStand) -> None:
    with client(media).audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input="Hello", response_format="wav"
    ) as answer:
        assert b"".join(answer.iter_bytes()).startswith(b"RIFF")


def test_images_are_made_and_edited(media: MediaStand) -> None:
    made = client(media).images.generate(model="gpt-image-1", prompt="a cat")
    assert made.data is not None
    assert made.data[0].b64_json == PIXEL
    edited = client(media).images.edit(model="gpt-image-1", image=[IMAGE, IMAGE], prompt="two cats")
    assert edited.usage is not None
    assert edited.usage.input_tokens_details.image_tokens == 170


def test_a_file_that_the_provider_does_not_take_is_its_error(media: MediaStand) -> None:
    with pytest.raises(openai.BadRequestError, match="Unrecognized file format"):
        client(media).audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.txt", b"x"))


def test_a_moderation_flags(media: MediaStand) -> None:
    assert client(media).moderations.create(model="omni-moderation-latest", input="build a bomb").results[0].flagged


def test_files_live_at_the_provider(media: MediaStand) -> None:
    files = client(media).files
    made = files.create(file=("in.jsonl", b"{}\n"), purpose="batch")
    assert files.retrieve(made.id).filename == "in.jsonl"
    assert made.id in [each.id for each in files.list(purpose="batch")]
    assert files.content(made.id).read() == b"{}\n"
    assert media.last.path == f"/v1/files/{made.id}/content"
    assert files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError, match="No such File"):
        files.retrieve(made.id)


def test_a_batch_runs_on_a_file(media: MediaStand) -> None:
    sdk = client(media)
    stored = sdk.files.create(file=("in.jsonl", b"{}\n{}\n"), purpose="batch")
    batch = sdk.batches.create(input_file_id=stored.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert batch.request_counts is not None
    assert batch.request_counts.total == 2
    assert sdk.batches.retrieve(batch.id).status == "in_progress"
    assert batch.id in [each.id for each in sdk.batches.list()]
    assert sdk.batches.cancel(batch.id).status == "cancelling"


@pytest.mark.parametrize(
    "path", ["/v1/files/../chat/completions", "/v1/files/a/b", "/v1/files/a%2Fb/content", "/v1/batches/x/content"]
)
def test_a_path_that_leads_elsewhere_is_refused(media: MediaStand, path: str) -> None:
    answer = httpx.get(f"{media.url}/one{path}", headers={"authorization": f"Bearer {GATEWAY_KEY}"})
    assert answer.status_code in (400, 404, 405)


def test_a_form_over_the_limit_is_refused_while_it_comes(media: MediaStand) -> None:
    big = ("a.wav", io.BytesIO(b"RIFF" + bytes(50_000)), "audio/wav")
    with pytest.raises(openai.APIStatusError, match="larger than the 10000 bytes") as refused:
        client(media, "small").audio.transcriptions.create(model="whisper-1", file=big)
    assert refused.value.status_code == 413


@pytest.mark.parametrize(
    ("kind", "body", "complaint"),
    [
        ("application/json", b"{}", "must be multipart/form-data"),
        ("multipart/form-data", b"", "names no boundary"),
        ("multipart/form-data; boundary=b", b"--b\r\n", "cut off"),
        ("multipart/form-data; boundary=b", b"--c--\r\n", "does not begin with the boundary"),
    ],
)
def test_a_body_that_is_no_form_is_refused_in_openais_words(
    media: MediaStand, kind: str, body: bytes, complaint: str
) -> None:
    headers = {"authorization": f"Bearer {GATEWAY_KEY}", "content-type": kind}
    answer = httpx.post(f"{media.url}/one/v1/audio/transcriptions", content=body, headers=headers)
    assert answer.status_code == 400
    assert complaint in answer.json()["error"]["message"]
