import pytest

from entresol.core.errors import UpstreamError
from entresol.llm.cohere_meta import CohereMetaFormat, Meta, write_meta
from entresol.llm.cohere_wire import Units
from entresol.llm.types import Usage


class Format(CohereMetaFormat):
    answer_field = "things"


def test_an_answer_says_what_it_cost() -> None:
    meta = Meta(billed_units=Units(input_tokens=3, image_tokens=4))
    facts = Format().facts_of(None, [], "i", meta)
    assert (facts.usage, facts.response_id, facts.is_complete) == (Usage(input=7), "i", True)
    assert Format().facts_of(None, [], None, None).usage is None


def test_an_error_in_a_good_answer_is_one() -> None:
    error = Format().facts_of("broken", None, "i", None).error
    assert error is not None
    assert (error.message, error.status) == ("broken", 502)
    with pytest.raises(UpstreamError, match="it has no things"):
        Format().facts_of({}, None, None, None)


def test_a_large_answer_is_read_at_its_ends() -> None:
    facts = Format().fragment_facts(b'{"id":"i","things":[', b']],"meta":{"billed_units":{"input_tokens":9}}}')
    assert (facts.usage, facts.response_id) == (Usage(input=9), "i")
    assert Format().fragment_facts(b"", b'"meta":{"billed_units":3}').usage is None


def test_meta_says_what_is_known() -> None:
    version = {"api_version": {"version": "2"}}
    assert write_meta(None) == version | {"billed_units": {}}
    assert write_meta(Usage(input=2), ["w"], 1) == version | {
        "billed_units": {"input_tokens": 2, "search_units": 1},
        "warnings": ["w"],
    }
