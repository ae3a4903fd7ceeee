from entresol.llm.broken_stream import BrokenStream
from entresol.llm.events import TextDelta
from entresol.llm.json_fields import bad_response


def test_the_fault_stays_what_it_was_and_keeps_what_came_before() -> None:
    fault = bad_response("no JSON")
    broken = BrokenStream(fault, [TextDelta("a")])
    assert (broken.code, broken.status, broken.side, str(broken)) == (fault.code, 502, "upstream", str(fault))
    assert broken.events == [TextDelta("a")]
