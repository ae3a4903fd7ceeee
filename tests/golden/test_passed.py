"""Golden cases of traffic that stays in one format: what goes on to the provider, and what is read along the way.

case.json                 a request          case.passed.json            what the provider gets
case.response.json        an answer          case.response.facts.json    what accounting knows afterwards
case.sse                  a stream           case.facts.json             the same for a stream
"""

from pathlib import Path

import msgspec
import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.events import ErrorDetail
from entresol.llm.format import CallFacts, Options, Profile
from entresol.llm.registry import format_named
from golden.test_translations import as_json, compare, shown

HERE = Path(__file__).parent
FOLDERS = (
    "anthropic_count_tokens", "openai_chat", "openai_completions", "openai_embeddings", "openai_images",
    "openai_moderations", "openai_responses", "openai_speech", "openai_transcriptions", "openai_translations",
    "openai_image_edits", "openai_files", "openai_batches", "openai_realtime",
)  # fmt: skip
OPTIONS = Options(max_tokens=64, temperature=0.5, dimensions=256)


def sources(suffix: str) -> list[Path]:
    paths = [path for name in FOLDERS for path in (HERE / name).glob(f"*{suffix}")]
    return sorted(path for path in paths if "." not in path.name.removesuffix(suffix))


def written(facts: CallFacts) -> bytes:
    return as_json(msgspec.to_builtins(facts.parts()))


@pytest.mark.parametrize("path", sources(".json"), ids=shown)
def test_a_request_keeps_all_but_what_has_to_change(path: Path, golden_update: bool) -> None:
    wire_format = format_named(path.parent.name.replace("_", "-"))
    opened = wire_format.open(path.read_bytes())
    body = wire_format.close(opened, "configured-model", opened.stream, OPTIONS, Profile(provider="openai-compatible"))
    compare(path.with_name(f"{path.stem}.passed.json"), as_json(msgspec.json.decode(body)), golden_update)


@pytest.mark.parametrize("path", sources(".response.json"), ids=shown)
def test_an_answer_is_read_along(path: Path, golden_update: bool) -> None:
    try:
        facts = format_named(path.parent.name.replace("_", "-")).response_facts(path.read_bytes())
    except UpstreamError as error:
        facts = CallFacts(error=ErrorDetail(status=error.status, message=error.message, code=error.code))
    compare(path.with_name(f"{path.name.removesuffix('.json')}.facts.json"), written(facts), golden_update)


@pytest.mark.parametrize("path", sources(".sse"), ids=shown)
def test_a_stream_is_read_along(path: Path, golden_update: bool) -> None:
    facts = format_named(path.parent.name.replace("_", "-")).stream_facts(path.read_bytes(), None)
    compare(path.with_name(f"{path.stem}.facts.json"), written(facts), golden_update)
