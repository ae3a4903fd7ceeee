"""How many tokens a request will be, before it is sent: for admission, never for bills.

Not a tokenizer: a look at some 500 bytes of the body tells what kind of text it is, and each kind has a number of
tokens per byte, on the high side. What a model's past calls really used replaces it as soon as there were enough
(`token_learning`). The numbers are measured, see docs/concepts/costs.md; they are checked in the test of this module.
"""

from collections.abc import Iterator
from math import ceil
from typing import Final, Literal

import msgspec

from entresol.llm.media_tokens import Family, Kind, base64_tokens, unknown_tokens
from entresol.llm.token_learning import LearnedRatio
from entresol.llm.types import Audio, ChatRequest, Document, Image, NativeTool, Part, Refusal, Text, Thinking, ToolCall
from entresol.llm.types import ToolResult as Result

Content = Literal["words", "code", "dense", "wide"]

_SAMPLE: Final = 512
_WORDS: Final = b"abcdefghijklmnopqrstuvwxyz "
_TWO: Final = bytes(range(0xC0, 0xE0))
_THREE: Final = bytes(range(0xE0, 0xF0))
_FOUR: Final = bytes(range(0xF0, 0xF8))
_CURVE: Final = ((0.92, 0.25), (0.80, 0.335), (0.62, 0.41), (0.48, 0.60), (0.40, 0.76))
"""Tokens per ASCII byte by the share of small letters and spaces: prose, code, JSON, numbers and base64."""
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_\\"
"""And the backslash before slashes, as PHP writes JSON."""
_LEAST_MEDIA: Final = 1024
"""Shorter base64 is counted as text, which is more."""
_LEAST_BODY: Final = 8192
"""Smaller bodies are not searched for files: most calls are small, and searching is half of the time."""
_MANY_ESCAPES: Final = 40
"""One backslash in so many bytes may be from characters as `\\u4e2d`."""
_DATA_URL: Final = b";base64,"
_IMAGES: Final = b'"images"'
"""Ollama's: a list."""
_MARKS: Final = (_DATA_URL, b'"data"', b'"bytes"', _IMAGES)
_PER_MESSAGE: Final = 4
_encode: Final = msgspec.json.Encoder().encode


class Scale(msgspec.Struct, frozen=True):
    """How a family's tokenizers differ: factors on ASCII text, and tokens per character of other scripts."""

    ascii: float
    two: float
    """Characters of two bytes in UTF-8: Cyrillic, Greek, Arabic, letters with accents."""
    three: float
    """Of three: Chinese, Japanese, Korean, Thai, Indian scripts."""
    four: float
    """Of four: emoji."""
    tools: int
    """What the provider adds to a prompt with tools; 0 where that is less than the JSON around them counts for."""


_SCALES: Final[dict[Family, Scale]] = {
    "openai": Scale(1.0, 0.6, 1.05, 2.6, 0),
    "anthropic": Scale(1.35, 1.4, 2.0, 3.5, 530),
    "gemini": Scale(1.1, 0.8, 1.2, 3.0, 0),
    "other": Scale(1.2, 1.2, 1.6, 3.5, 0),
}
_FAMILIES: Final[tuple[tuple[str, Family], ...]] = (
    ("claude", "anthropic"), ("gemini", "gemini"), ("gemma", "gemini"), ("gpt-3", "other"), ("gpt-4-", "other"),
    ("gpt-", "openai"), ("o1", "openai"), ("o3", "openai"), ("o4", "openai"), ("chatgpt", "openai"),
)  # fmt: skip


def family_of(provider: str, model: str) -> Family:
    """Whose tokenizer a model has, by its name: clouds serve everybody's. GPT-4 and older have another one."""
    name = model.lower().rpartition("/")[2]
    for start, family in _FAMILIES:
        if start in name if len(start) > 4 else name.startswith(start):
            return family
    owners: dict[str, Family] = {"anthropic": "anthropic", "gemini": "gemini"}
    return owners.get(provider, "other")


class TokenEstimator:
    """Estimates for one model; it learns from what calls really used."""

    __slots__ = ("_family", "_learned", "_scale")

    def __init__(self, family: Family = "other") -> None:
        self._family: Family = family
        self._scale = _SCALES[family]
        self._learned: dict[Content, LearnedRatio] = {}

    def of_body(self, body: bytes) -> int:
        """Tokens of a request as it came in, whatever its format. Files in base64 count by their kind."""
        media = 0
        if len(body) > _LEAST_BODY:
            spans = list(_media(body))
            if spans:
                media = sum(base64_tokens(kind, body[start:end], self._family) for kind, start, end in spans)
                body = _without(body, spans)
        tokens = self._of_text(body) + media
        added = self._scale.tools
        return tokens + added if added and b'"tools"' in body else tokens

    def of_request(self, request: ChatRequest) -> int:
        """Tokens of a request that has been read."""
        texts: list[str] = []
        media = _PER_MESSAGE * (len(request.messages) + 1)
        for message in request.messages:
            for part in message.parts:
                media += self._of_part(part, texts)
        if request.tools:
            media += self._scale.tools
            texts += [_encode(tool.value if isinstance(tool, NativeTool) else tool).decode() for tool in request.tools]
        if request.response_format is not None and request.response_format.schema is not None:
            texts.append(_encode(request.response_format.schema).decode())
        return self._of_text("\n".join(texts).encode("utf-8", "replace")) + media

    def learn(self, body: bytes, tokens: int) -> None:
        """A body without files really was so many tokens: all buckets of the usage's input."""
        content, _ = _look(body, self._scale)
        learned = self._learned.get(content)
        if learned is None:
            learned = self._learned[content] = LearnedRatio()
        learned.learn(len(body), tokens)

    def learned(self, content: Content) -> LearnedRatio | None:
        """What is known of a kind of content; None before the first call."""
        return self._learned.get(content)

    def _of_text(self, text: bytes) -> int:
        content, ratio = _look(text, self._scale)
        learned = self._learned.get(content) if self._learned else None
        if learned is not None and learned.is_known:
            ratio = learned.high
        return ceil(len(text) * ratio)

    def _of_part(self, part: Part, texts: list[str]) -> int:
        """Tokens of a part's file; its words go to `texts`."""
        if isinstance(part, Text | Refusal | Thinking):
            texts.append(part.text)
        elif isinstance(part, ToolCall):
            texts += (part.name, part.arguments)
        elif isinstance(part, Result):
            return sum(self._of_part(each, texts) for each in part.parts)
        elif isinstance(part, Image | Audio | Document):
            return self._of_file(part, texts)
        else:
            texts.append(_encode(part.value).decode())
        return 0

    def _of_file(self, part: Image | Audio | Document, texts: list[str]) -> int:
        kind: Kind = "image" if isinstance(part, Image) else "audio" if isinstance(part, Audio) else "document"
        if isinstance(part, Document) and part.text is not None:
            texts.append(part.text)
            return 0
        if part.data is None:
            return unknown_tokens(kind, self._family)
        return base64_tokens(kind, part.data.encode("ascii", "replace"), self._family)


def _look(text: bytes, scale: Scale) -> tuple[Content, float]:
    """What kind of text it is, and tokens per byte. It looks at `_SAMPLE` bytes to twice as many, spread evenly."""
    size = len(text)
    if not size:
        return "words", 0.0
    step = size // _SAMPLE | 1
    if step % 3 == 0:  # or all bytes would be of the same place in characters of three
        step += 2
    sample = text[::step] if step > 1 else text
    count = len(sample)
    words = (count - len(sample.translate(None, _WORDS))) / count
    if sample.isascii():
        ratio = _ascii_ratio(words)
        if sample.count(92) * _MANY_ESCAPES > count and text.find(b"\\u", 0, 1024) >= 0:
            return "wide", _escaped_ratio(text, words, scale)
        return "words" if words > 0.85 else "code" if words > 0.6 else "dense", ratio * scale.ascii
    two, three, four = [count - len(sample.translate(None, leads)) for leads in (_TWO, _THREE, _FOUR)]
    plain = max(count - 2 * two - 3 * three - 4 * four, 0)
    share = min(words * count / plain, 1.0) if plain else 1.0
    tokens = plain * _ascii_ratio(share) * scale.ascii + two * scale.two + three * scale.three + four * scale.four
    return "wide", tokens / count


def _escaped_ratio(text: bytes, words: float, scale: Scale) -> float:
    """With characters as `\\u4e2d`, as many clients write JSON."""
    size, escaped = len(text), text.count(b"\\u")
    plain = max(size - 6 * escaped, 0)
    share = min(words * size / plain, 1.0) if plain else 1.0
    return (plain * _ascii_ratio(share) * scale.ascii + escaped * max(scale.three, scale.four / 2)) / size


def _ascii_ratio(words: float) -> float:
    """Tokens per byte of ASCII text, between the points of the curve."""
    above, high = 1.0, _CURVE[0][1]
    for share, ratio in _CURVE:
        if words >= share:
            return high + (ratio - high) * (above - words) / (above - share)
        above, high = share, ratio
    return high


def _media(body: bytes) -> Iterator[tuple[Kind, int, int]]:
    """Files in base64 within a JSON body: what they are, and where."""
    for mark in _MARKS:
        position = body.find(mark)
        while position >= 0:
            after = position + len(mark)
            start = after if mark == _DATA_URL else body.find(b'"', after, after + 16) + 1
            while start:
                end = body.find(b'"', start)
                after = end = len(body) if end < 0 else end
                if end - start >= _LEAST_MEDIA and not body[start : start + 64].translate(None, _BASE64):
                    around = b"" if mark == _IMAGES else body[max(0, position - 160) : start] + body[end : end + 100]
                    yield _kind_of(around), start, end
                start = _next_in_list(body, end) if mark == _IMAGES else 0
            position = body.find(mark, after)


def _next_in_list(body: bytes, end: int) -> int:
    """Where the next text of a list begins; 0 if that was the last."""
    between = body[end + 1 : end + 17]
    return body.find(b'"', end + 1, end + 17) + 1 if between.lstrip().startswith(b",") else 0


def _kind_of(around: bytes) -> Kind:
    if b"audio" in around or b'"wav"' in around or b'"mp3"' in around:
        return "audio"
    return "document" if b"pdf" in around or b"document" in around else "image"


def _without(body: bytes, spans: list[tuple[Kind, int, int]]) -> bytes:
    kept, position = [], 0
    for _, start, end in sorted(spans, key=lambda span: span[1]):
        kept.append(body[position:start])
        position = max(position, end)
    return b"".join([*kept, body[position:]])
