"""Golden cases of InvokeModel: bodies of each model pass, and what is read of them on the way.

case.json                 a request          case.passed.json            what goes on, with the operator's settings
case.response.json        an answer          case.response.facts.json    what accounting knows afterwards
case.events               a stream           case.facts.json             the same for a stream
"""

from pathlib import Path

import msgspec
import pytest

from entresol.core.errors import GatewayError
from entresol.llm.format import Options, Profile
from entresol.llm.formats.bedrock_invoke import BedrockInvoke
from golden.event_stream_text import binary
from golden.test_translations import as_json, compare, shown

HERE = Path(__file__).parent / "bedrock_invoke"
FORMAT = BedrockInvoke()
OPTIONS = Options(max_tokens=64, temperature=0.5)
MODELS = {
    "claude": "anthropic.claude-3-haiku-20240307-v1:0",
    "nova": "amazon.nova-lite-v1:0",
    "llama": "meta.llama3-8b-instruct-v1:0",
    "titan": "amazon.titan-text-express-v1",
    "mistral": "mistral.mistral-7b-instruct-v0:2",
}


def sources(suffix: str) -> list[Path]:
    return sorted(path for path in HERE.glob(f"*{suffix}") if "." not in path.name.removesuffix(suffix))


@pytest.mark.parametrize("path", sources(".json"), ids=shown)
def test_a_request_keeps_all_but_what_has_to_change(path: Path, golden_update: bool) -> None:
    model = MODELS[path.stem.partition("_")[0]]
    opened = FORMAT.open(path.read_bytes(), f"/model/{model}/invoke")
    try:
        body = FORMAT.close(opened, model, False, OPTIONS, Profile(provider="bedrock"))
        result: object = msgspec.json.decode(body)
    except GatewayError as error:
        result = {"refused": {"code": error.code, "message": error.message}}
    compare(path.with_name(f"{path.stem}.passed.json"), as_json(result), golden_update)


@pytest.mark.parametrize("path", sources(".response.json"), ids=shown)
def test_an_answer_is_read_along(path: Path, golden_update: bool) -> None:
    facts = FORMAT.response_facts(path.read_bytes()).parts()
    result = as_json(msgspec.to_builtins(facts))
    compare(path.with_name(f"{path.name.removesuffix('.json')}.facts.json"), result, golden_update)


@pytest.mark.parametrize("path", sources(".events"), ids=shown)
def test_a_stream_is_read_along(path: Path, golden_update: bool) -> None:
    facts = FORMAT.stream_facts(binary(path.read_bytes()), None).parts()
    compare(path.with_name(f"{path.stem}.facts.json"), as_json(msgspec.to_builtins(facts)), golden_update)
