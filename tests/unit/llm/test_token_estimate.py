"""Estimates against known counts.

The texts: articles 1 and 2 of the Universal Declaration of Human Rights in ten languages, and typical contents of
prompts of developers. The counts were made once with tiktoken 0.14 (o200k_base: GPT-4o and later; cl100k_base: GPT-4
and older) and with the tokenizer that Anthropic published for Claude 2, the only one there is. Anthropic says that its
newest makes up to 1.35 times as many tokens as the ones before.
"""

# ruff: noqa: RUF001  # texts in other alphabets are the point

import base64
import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.llm.media_tokens import Family
from entresol.llm.token_estimate import TokenEstimator, family_of
from entresol.llm.types import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Message,
    Native,
    NativeTool,
    Part,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)

TEXTS = {
    "english": (
        "All human beings are born free and equal in dignity and rights. They are endowed wit"
        "h reason and conscience and should act towards one another in a spirit of brotherhoo"
        "d. Everyone is entitled to all the rights and freedoms set forth in this Declaration"
        ", without distinction of any kind, such as race, colour, sex, language, religion, po"
        "litical or other opinion, national or social origin, property, birth or other status"
        "."
    ),
    "german": (
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernun"
        "ft und Gewissen begabt und sollen einander im Geiste der Brüderlichkeit begegnen. Je"
        "der hat Anspruch auf die in dieser Erklärung verkündeten Rechte und Freiheiten ohne "
        "irgendeinen Unterschied, etwa nach Rasse, Hautfarbe, Geschlecht, Sprache, Religion, "
        "politischer oder sonstiger Überzeugung, nationaler oder sozialer Herkunft, Vermögen,"
        " Geburt oder sonstigem Stand."
    ),
    "russian": (
        "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены р"
        "азумом и совестью и должны поступать в отношении друг друга в духе братства."
    ),
    "greek": (
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. "
        "Είναι προικισμένοι με λογική και συνείδηση, και οφείλουν να συμπεριφέρονται μεταξύ τ"
        "ους με πνεύμα αδελφοσύνης."
    ),
    "arabic": (
        "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق. وقد وهبوا عقلاً وضميراً وعليهم أ"
        "ن يعامل بعضهم بعضاً بروح الإخاء."
    ),
    "hindi": (
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त "
        "है। उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव से"
        " बर्ताव करना चाहिए।"
    ),
    "chinese": (
        "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精"
        "神相对待。人人有资格享有本宣言所载的一切权利和自由,不分种族、肤色、性别、语"
        "言、宗教、政治或其他见解、国籍或社会出身、财产、出生或其他身分等任何区别。"
    ),
    "japanese": (
        "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等"
        "である。人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動し"
        "なければならない。"
    ),
    "korean": (
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다"
        ". 인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으"
        "로 행동하여야 한다."
    ),
    "thai": (
        "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ"
    ),
    "python": '''class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the table: how its names look, and its prices."""

    id: str
    names: tuple[str, ...] = ()
    rows: tuple[Row, ...]

    def is_like(self, name: str) -> bool:
        if self.prefixes and name.startswith(self.prefixes):
            return True
        return any(part in name for part in self.parts)
''',
    "json": (
        '{"id":"claude-3-5-sonnet","prefixes":["claude-3-5-sonnet","claude-3.5-sonnet"],"rows":[{"tiers":[{"above":0,'
        '"rates":{"input":3000000,"output":15000000,"cache_read":300000,"cache_write":3750000,"cache_write_1h":6000000}'
        "}]}]}"
    ),
    "numbers": ",".join(str(n * n * 7919 % 1_000_003) for n in range(200)),
    "hex": "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(20)),
    "base64": base64.b64encode(b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(20))).decode(),
    "emoji": "\U0001f600\U0001f389\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466\U0001f680"
    "\U0001f1e9\U0001f1ea " * 20,
    "punctuation": "!@#$%^&*()_+-=[]{}|;':,./<>?" * 20,
    "diff": "--- a/x.py\n+++ b/x.py\n@@ -1,4 +1,4 @@\n-    return tokens + self._scale.tools\n+    return tokens\n" * 6,
    "log": "".join(
        f"2026-11-22T10:{n:02}:00.{n * 37 % 1000:03}Z INFO worker={n % 4} request_id=7f3a{n:04x} "
        f"status=200 latency_ms={n * 13 % 97}\n"
        for n in range(20)
    ),
}
COUNTS = {
    "english": (83, 83, 84),
    "german": (100, 122, 139),
    "russian": (41, 74, 89),
    "greek": (71, 172, 210),
    "arabic": (43, 88, 109),
    "hindi": (54, 180, 199),
    "chinese": (95, 127, 123),
    "japanese": (72, 93, 87),
    "korean": (51, 85, 95),
    "thai": (63, 135, 240),
    "python": (94, 95, 104),
    "json": (83, 84, 81),
    "numbers": (598, 598, 691),
    "hex": (726, 724, 751),
    "base64": (579, 620, 602),
    "emoji": (401, 622, 560),
    "punctuation": (341, 341, 321),
    "diff": (216, 210, 246),
    "log": (720, 720, 746),
}
"""Tokens in o200k_base, cl100k_base, Claude 2."""
FAMILIES: tuple[Family, ...] = ("openai", "other", "anthropic")
CASES = [(name, number) for name in TEXTS for number in range(3)]


def body_of(text: str, is_ascii: bool = False) -> bytes:
    """A chat request as clients write it."""
    body = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": text}]})
    if is_ascii:
        return "".join(chr(c) if c < 128 else f"\\u{c:04x}" for c in utf16(body.decode())).encode()
    return body


def utf16(text: str) -> list[int]:
    data = text.encode("utf-16-be")
    return [int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_an_estimate_is_never_under_the_count(name: str, number: int) -> None:
    count, text = COUNTS[name][number], TEXTS[name]
    for body in (text.encode(), body_of(text), body_of(text * 40), body_of(text, is_ascii=True)):
        copies = 40 if len(body) > 20 * len(text) else 1
        assert TokenEstimator(FAMILIES[number]).of_body(body) >= count * copies


@pytest.mark.parametrize("name", ["english", "german", "chinese", "japanese", "python", "diff"])
def test_an_estimate_of_usual_text_is_less_than_twice_the_count(name: str) -> None:
    text = TEXTS[name] * 40
    assert TokenEstimator("openai").of_body(body_of(text)) < COUNTS[name][0] * 40 * 2


@given(st.binary(max_size=3000))
def test_any_bytes_have_an_estimate(body: bytes) -> None:
    for family in (*FAMILIES, "gemini"):
        assert 0 <= TokenEstimator(family).of_body(body) <= 4 * len(body) + 600


def test_an_empty_body_has_no_tokens() -> None:
    assert TokenEstimator("openai").of_body(b"") == 0


@pytest.mark.parametrize(
    ("provider", "model", "family"),
    [
        ("openai", "gpt-5", "openai"), ("openai", "gpt-4o-mini", "openai"), ("openai", "gpt-4.1", "openai"),
        ("openai", "o3-pro", "openai"), ("openai", "gpt-4-turbo", "other"), ("openai", "gpt-3.5-turbo", "other"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-v1:0", "anthropic"), ("anthropic", "next-one", "anthropic"),
        ("openrouter", "google/gemini-2.5-pro", "gemini"), ("gemini", "gemini-2.5-pro", "gemini"),
        ("groq", "llama-3.3-70b", "other"), ("openrouter", "openai/o4-mini", "openai"), ("groq", "solo1-x", "other"),
    ],
)  # fmt: skip
def test_a_models_family_is_told_by_its_name(provider: str, model: str, family: str) -> None:
    assert family_of(provider, model) == family


# Files.

PNG = base64.b64encode(
    b"\x89PNG\r\n\x1a\n" + b"\0\0\0\x0dIHDR" + (1024).to_bytes(4) + (1024).to_bytes(4) + bytes(30_000)
)
PDF = base64.b64encode(b"%PDF-1.7" + bytes(60_000))
WAV = base64.b64encode(b"RIFF" + bytes(24) + (16_000).to_bytes(4, "little") + bytes(160_000))


@pytest.mark.parametrize(
    ("around", "data", "least", "most"),
    [
        (b'{"image_url":{"url":"data:image/png;base64,%b"}}', PNG, 1024, 1100),
        (b'{"inlineData":{"mimeType":"image/png","data": "%b"}}', PNG, 1024, 1100),
        (b'{"type":"input_audio","input_audio":{"data":"%b","format":"wav"}}', WAV, 100, 150),
        (b'{"source":{"type":"base64","media_type":"application/pdf","data":"%b"}}', PDF, 7500, 7600),
        (b'{"image":{"format":"png","source":{"bytes":"%b"}}}', PNG, 1024, 1100),
        (b'{"document":{"format":"pdf","name":"n","source":{"bytes":"%b"}}}', PDF, 7500, 7600),
        (b'{"model":"llava","prompt":"x","images":["%b"]}', PNG, 1024, 1100),
        (b'{"images":[' + b'"%b",' % (PNG[:-8] + b"pdf/pdf=") + b' "%b"]}', PNG, 2048, 2200),
        (b'{"images":["%b"], "stream":true}', PNG.replace(b"A", b"\\/", 3), 1024, 1650),
    ],
)
def test_files_in_a_body_count_by_their_kind_and_not_their_bytes(
    around: bytes, data: bytes, least: int, most: int
) -> None:
    body = around % data
    assert least <= TokenEstimator("openai").of_body(body) <= most
    twice = TokenEstimator("openai").of_body(b"[" + body + b"," + body + b"]")
    assert 2 * least <= twice <= 2 * most


def test_text_that_only_looks_like_a_file_counts_as_text() -> None:
    text = b'"data": "' + b"these are words, and not base64. " * 400 + b'" "data" ;base64, "data":'
    assert TokenEstimator("openai").of_body(text) > len(text) // 5


# Requests that have been read.


def request_of(*parts: Part, **fields: object) -> ChatRequest:
    return ChatRequest(
        origin="openai-chat",
        messages=[Message(role="user", parts=list(parts))],
        **fields,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("part", "least"),
    [
        (Text(text=TEXTS["english"]), 83),
        (Thinking(text=TEXTS["english"]), 83),
        (ToolCall(id="1", name="f", arguments=TEXTS["json"]), 83),
        (ToolResult(call_id="1", parts=[Text(text=TEXTS["english"]), Image(url="https://x/y.png")]), 83 + 1536),
        (Native(type="x", value={"text": TEXTS["english"]}), 83),
        (Image(data=PNG.decode()), 1024),
        (Audio(data=WAV.decode()), 100),
        (Document(text=TEXTS["english"]), 83),
        (Document(file_id="f"), 25_000),
    ],
)
def test_every_part_of_a_request_counts(part: Part, least: int) -> None:
    found = TokenEstimator("openai").of_request(request_of(part))
    assert least <= found <= least * 2 + 30


def test_tools_and_schemas_count() -> None:
    plain = TokenEstimator("anthropic").of_request(request_of(Text(text="hi")))
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"city": {"type": "string", "description": TEXTS["english"]}},
    }
    tools = request_of(Text(text="hi"), tools=[Tool(name="f", parameters=schema), NativeTool(type="x", value={})])
    shaped = request_of(Text(text="hi"), response_format=ResponseFormat(type="json_schema", schema=schema))
    assert TokenEstimator("anthropic").of_request(tools) > plain + 530 + 83
    assert TokenEstimator("anthropic").of_request(shaped) > plain + 83
    assert TokenEstimator("anthropic").of_body(b'{"tools":[]}') > 530


# Learning.


def test_past_calls_replace_the_estimate_for_their_kind_of_content() -> None:
    estimator, words, code = TokenEstimator("openai"), body_of(TEXTS["english"]), body_of(TEXTS["python"])
    before, other = estimator.of_body(words), estimator.of_body(code)
    for _ in range(49):
        estimator.learn(words, 90)
    assert estimator.of_body(words) == before
    estimator.learn(words, 90)
    assert 90 <= estimator.of_body(words) <= 95 < before
    assert estimator.of_body(code) == other
    learned = estimator.learned("words")
    assert learned is not None
    assert learned.mean == pytest.approx(90 / len(words))
    assert estimator.learned("dense") is None
