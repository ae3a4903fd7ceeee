"""What OpenAI's images, speech, transcriptions, moderations, files and batches refuse. Shapes follow openai 3.54."""

from typing import Final

from entresol.scripted.media_forms import Part, check_fields, text_of
from entresol.scripted.openai_checks import bad_request
from entresol.scripted.shape import Either, ListOf, MapOf, Number, Object, Tagged, Text

_SIZE: Final = Text()
SPEECH: Final = Object(
    {"model": Text(shortest=1), "input": Text(shortest=1, longest=4096), "voice": Text(shortest=1)},
    {
        "instructions": Text(),
        "response_format": Text(("mp3", "opus", "aac", "flac", "wav", "pcm")),
        "speed": Number(low=0.25, high=4),
        "stream_format": Text(("sse", "audio")),
    },
)
IMAGES: Final = Object(
    {"prompt": Text(shortest=1, longest=32_000)},
    {
        "model": Text(shortest=1),
        "n": Number(low=1, high=10),
        "size": _SIZE,
        "quality": Text(("standard", "hd", "low", "medium", "high", "auto")),
        "background": Text(("transparent", "opaque", "auto")),
        "moderation": Text(("low", "auto")),
        "output_format": Text(("png", "jpeg", "webp")),
        "output_compression": Number(low=0, high=100),
        "response_format": Text(("url", "b64_json")),
        "style": Text(("vivid", "natural")),
        "user": Text(),
    },
)
_INPUT: Final = Tagged(
    {
        "text": Object({"type": Text(), "text": Text()}),
        "image_url": Object({"type": Text(), "image_url": Object({"url": Text(shortest=1)})}),
    }
)
MODERATION: Final = Object(
    {
        "input": Either(
            {"string": Text(), "array": ListOf(Either({"string": Text(), "object": _INPUT}), 1)},
        )
    },
    {"model": Text(shortest=1)},
)
BATCH: Final = Object(
    {
        "input_file_id": Text(shortest=1),
        "endpoint": Text(
            ("/v1/responses", "/v1/chat/completions", "/v1/embeddings", "/v1/completions", "/v1/moderations")
        ),
        "completion_window": Text(("24h",)),
    },
    {"metadata": MapOf(Text(longest=512)), "output_expires_after": Object({"anchor": Text(), "seconds": Number()})},
)
PURPOSES: Final = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
_SOUNDS: Final = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")
_TRANSCRIPTS: Final = ("json", "text", "srt", "verbose_json", "vtt")


def check_sound(parts: list[Part], translates: bool) -> None:
    """A transcription, or a translation. Raises Refusal."""
    known = ("language", "chunking_strategy", "include", "stream", "timestamp_granularities")
    check_fields(
        parts, ("file",), ("model",), ("prompt", "response_format", "temperature", *(() if translates else known))
    )
    shape = text_of(parts, "response_format", "json")
    if shape not in _TRANSCRIPTS:
        raise bad_request(f"Invalid value: '{shape}'.", "response_format", "invalid_value")
    if text_of(parts, "model").startswith("gpt-4o") and shape not in ("json", "text"):
        message = f"response_format '{shape}' is not compatible with model '{text_of(parts, 'model')}'."
        raise bad_request(message, "response_format", "unsupported_value")
    if text_of(parts, "stream", "false") not in ("true", "false"):
        raise bad_request("Invalid type for 'stream': expected a boolean.", "stream", "invalid_type")
    (sound,) = [part for part in parts if part.name == "file"]
    if (sound.filename or "").rpartition(".")[2].lower() not in _SOUNDS:
        raise bad_request(f"Unrecognized file format. Supported formats: {list(_SOUNDS)}", "file")
    if not sound.data:
        raise bad_request("Audio file is too short. Minimum audio length is 0.1 seconds.", "file", "audio_too_short")


def check_edit(parts: list[Part]) -> None:
    """An image edit. Raises Refusal."""
    known = (
        "model", "n", "size", "quality", "background", "input_fidelity", "output_format", "output_compression",
        "partial_images", "response_format", "stream", "user",
    )  # fmt: skip
    check_fields(parts, ("image", "mask"), ("prompt",), known)
    for part in parts:
        if part.filename is not None and not part.data.startswith((b"\x89PNG", b"\xff\xd8\xff", b"RIFF")):
            raise bad_request("Invalid image file or mode.", part.name.removesuffix("[]"), "invalid_image_file")


def check_upload(parts: list[Part]) -> None:
    """A file that is stored. Raises Refusal."""
    check_fields(parts, ("file",), ("purpose",), ("expires_after[anchor]", "expires_after[seconds]"))
    purpose = text_of(parts, "purpose")
    if purpose not in PURPOSES:
        raise bad_request(f"'{purpose}' is not one of {list(PURPOSES)} - 'purpose'", "purpose")
