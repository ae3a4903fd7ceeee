import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError
from entresol.llm.model_adaptation import adapt
from entresol.llm.model_profiles import NO_FACTS, Field, ModelFacts
from entresol.llm.types import Audio, ChatRequest, Document, Image, Message, Part, Reasoning, Text, Tool, ToolResult


def request_of(*parts: Part, **fields: Any) -> ChatRequest:
    return ChatRequest(origin="openai-chat", model="m", messages=[Message(role="user", parts=list(parts))], **fields)


def test_a_request_that_is_fine_stays_the_same_object() -> None:
    request = request_of(Text(text="hi"), temperature=0.5, max_tokens=5)
    for facts in (
        NO_FACTS,
        ModelFacts(refused=("top_p",), max_output=5, input=("text",), exclusive=("temperature", "top_p")),
    ):
        found = adapt(request, facts, estimate=10**9)
        assert found.request is request
        assert (found.dropped, found.warnings) == ((), ())


def test_what_the_model_refuses_is_left_out_and_reported() -> None:
    request = request_of(temperature=0.5, stop=["x"], seed=1)
    found = adapt(request, ModelFacts(refused=("temperature", "stop", "top_p")))
    assert found.dropped == ("temperature", "stop")
    assert (found.request.temperature, found.request.stop, found.request.seed) == (None, [], 1)
    assert (request.temperature, request.stop) == (0.5, ["x"])
    found.request.stop.append("y")
    assert adapt(request, ModelFacts(refused=("stop",))).request.stop == []


@pytest.mark.parametrize(
    ("reasoning", "by_default", "is_dropped"),
    [
        (None, None, True),
        (None, True, True),
        (None, False, False),
        (Reasoning(include_thoughts=True), False, False),
        (Reasoning(effort="none"), None, False),
        (Reasoning(is_enabled=False), True, False),
        (Reasoning(effort="low"), False, True),
        (Reasoning(is_enabled=True, budget_tokens=9), False, True),
    ],
)
def test_some_fields_are_refused_only_while_the_model_thinks(
    reasoning: Reasoning | None, by_default: bool | None, is_dropped: bool
) -> None:
    facts = ModelFacts(thinking="effort", refused_thinking=("temperature",), thinks_by_default=by_default)
    found = adapt(request_of(temperature=0.5, reasoning=reasoning), facts)
    assert found.dropped == (("temperature",) if is_dropped else ())


def test_a_model_that_cannot_think_is_not_asked_to() -> None:
    found = adapt(request_of(reasoning=Reasoning(effort="high")), ModelFacts(thinking="none"))
    assert found.dropped == ("reasoning",)
    assert found.request.reasoning is None


def test_of_fields_that_exclude_each_other_the_first_wins() -> None:
    facts = ModelFacts(exclusive=("temperature", "top_p"))
    assert adapt(request_of(temperature=0.5, top_p=0.5), facts).dropped == ("top_p",)
    assert adapt(request_of(top_p=0.5), facts).dropped == ()


def test_a_longer_answer_than_the_model_can_give_is_not_asked_for() -> None:
    found = adapt(request_of(max_tokens=100_000), ModelFacts(max_output=8192))
    assert (found.request.max_tokens, found.dropped) == (8192, ("max_tokens",))


@pytest.mark.parametrize(
    ("part", "modality"),
    [
        (Image(url="u"), "image"),
        (Audio(data="d"), "audio"),
        (Document(data="d", media_type="application/pdf"), "document"),
        (Document(url="u", media_type="video/mp4"), "video"),
        (ToolResult(call_id="1", parts=[Text(text="t"), Image(url="u")]), "image"),
    ],
)
def test_a_modality_that_the_model_does_not_take_is_refused_with_the_reason(part: Part, modality: str) -> None:
    with pytest.raises(ClientError) as caught:
        adapt(request_of(Text(text="look"), part), ModelFacts(input=("text",)))
    assert caught.value.code == "unsupported_by_model"
    assert caught.value.message == f"messages[0]: m does not take {modality} input"
    adapt(request_of(part), ModelFacts(input=("text", modality)))  # type: ignore[arg-type]


def test_a_document_of_text_is_text() -> None:
    adapt(request_of(Document(text="words")), ModelFacts(input=("text",)))


def test_answers_and_tools_that_the_model_has_not_are_refused() -> None:
    with pytest.raises(ClientError, match="does not answer in audio"):
        adapt(request_of(modalities=["text", "audio"]), ModelFacts(output=("text",)))
    with pytest.raises(ClientError, match="does not call tools"):
        adapt(request_of(tools=[Tool(name="f")]), ModelFacts(tools=False))
    adapt(request_of(tools=[Tool(name="f")]), ModelFacts(tools=True))


def test_a_prompt_that_seems_too_long_is_reported_and_refused_only_on_demand() -> None:
    facts = ModelFacts(context_window=1000)
    assert adapt(request_of(), facts, estimate=1000).warnings == ()
    message = "the prompt has about 1001 tokens, and the context window of m 1000"
    assert adapt(request_of(), facts, estimate=1001).warnings == (message,)
    with pytest.raises(ClientError) as caught:
        adapt(request_of(), facts, estimate=1001, is_window_enforced=True)
    assert (caught.value.code, caught.value.message) == ("context_window_exceeded", message)


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2), "top_p": st.floats(0, 1), "top_k": st.integers(1, 9), "seed": st.integers(0, 9),
        "stop": st.lists(st.text(max_size=3), max_size=2), "max_tokens": st.integers(1, 10**6), "n": st.integers(1, 3),
        "logit_bias": st.dictionaries(st.text(max_size=2), st.floats(-1, 1), max_size=2), "user": st.text(max_size=3),
        "metadata": st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=2), "logprobs": st.booleans(),
    },
)  # fmt: skip


@given(FIELDS, st.lists(st.sampled_from(Field.__args__), unique=True))  # type: ignore[attr-defined]
def test_every_field_is_kept_or_reported(fields: dict[str, Any], refused: list[Any]) -> None:
    request, plain = request_of(Text(text="t"), **fields), request_of()
    before = copy.deepcopy(request)
    found = adapt(request, ModelFacts(refused=tuple(refused)))
    assert request == before
    for name in ChatRequest.__struct_fields__:
        if name in found.dropped:
            assert name in refused
            assert getattr(found.request, name) == getattr(plain, name) != getattr(request, name)
        else:
            assert getattr(found.request, name) == getattr(request, name)
            assert name not in refused or getattr(request, name) == getattr(plain, name)
