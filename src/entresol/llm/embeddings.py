"""The canonical form of an embeddings call: texts and images to vectors."""

import base64
import struct
from typing import Literal

import msgspec

from entresol.llm.types import CallRequest, CallResponse, Image, JsonObject, Text

Purpose = Literal[
    "query",  # to search with
    "document",  # to be found
    "classification",
    "clustering",
    "similarity",
    "question_answering",
    "fact_verification",
    "code_query",
    "image",
]
"""What vectors are for. Models that were trained for it make others for each."""


class EmbeddingInput(msgspec.Struct, kw_only=True):
    """What becomes one vector: parts, or tokens of the model's own."""

    parts: list[Text | Image] = []
    tokens: list[int] | None = None

    @property
    def text(self) -> str | None:
        """The text, if there is nothing else."""
        if self.tokens is not None or not all(isinstance(part, Text) for part in self.parts):
            return None
        return "".join([part.text for part in self.parts if isinstance(part, Text)])


class EmbeddingRequest(CallRequest, kw_only=True):
    """An embeddings call."""

    inputs: list[EmbeddingInput]
    dimensions: int | None = None
    encodings: list[str] = []
    """`float`, `base64` (of little-endian float32), `int8`, `uint8`, `binary`, `ubinary`; float if empty."""
    purpose: Purpose | None = None
    title: str | None = None
    """Of the document."""
    truncate: Literal["none", "start", "end"] | None = None
    """What to cut from an input that is too long; `none`: refuse it."""
    user: str | None = None


class EmbeddingResponse(CallResponse, kw_only=True):
    """Vectors, in the order of the inputs."""

    vectors: list[list[float]] = []
    encoded: dict[str, list[object]] = {}
    """Vectors in encodings other than `float`, by encoding, as they are on the wire."""
    asked: EmbeddingRequest | None = None
    """What it answers, where another format asked."""


def base64_of(vector: list[float]) -> str:
    """A vector in OpenAI's encoding `base64`: float32, little-endian."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def vector_of(text: str) -> list[float]:
    """The vector in OpenAI's encoding `base64`. Raises ValueError if it is none."""
    data = base64.b64decode(text, validate=True)
    if len(data) % 4:
        raise ValueError("not a whole number of float32 values")
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def texts_of(request: EmbeddingRequest) -> list[str] | None:
    """The inputs as texts; None if some are anything else."""
    texts = [each.text for each in request.inputs]
    return None if any(text is None for text in texts) else [text for text in texts if text is not None]


def first_strange(request: EmbeddingRequest) -> str:
    """What the first input is that is no text: `tokens` or `image`."""
    return next("tokens" if each.tokens is not None else "image" for each in request.inputs if each.text is None)


def text_input(text: str) -> EmbeddingInput:
    """An input of one text."""
    return EmbeddingInput(parts=[Text(text=text)])


def left_over(extra: JsonObject, is_own: bool) -> list[str]:
    """The names of what another format's answer has beside the vectors."""
    return [] if is_own else list(extra)
