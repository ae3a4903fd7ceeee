"""Faults are ordered by the model name."""

import pytest

from entresol.scripted.faults import StatusFault, bend, is_fault, status_fault
from entresol.scripted.script import Break, Script, Send, Wait, event_script, json_script

STREAM = event_script([b"1", b"2", b"3", b"4"])
WHOLE = json_script(200, "12345678")


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        ("scripted-429", StatusFault(429, 7)),
        ("gpt-scripted-429-30", StatusFault(429, 30)),
        ("scripted-503", StatusFault(503, 7)),
        ("scripted-500", StatusFault(500, None)),
        ("scripted-chat", None),
        ("gpt-5.5", None),
    ],
)
def test_an_error_status_is_ordered_by_name(model: str, fault: StatusFault | None) -> None:
    assert status_fault(model) == fault


@pytest.mark.parametrize("name", ["slow", "reset-midstream", "garbage", "refusal", "cached", "truncated", "418"])
def test_fault_names_are_known(name: str) -> None:
    assert is_fault(f"gpt-scripted-{name}")


def test_other_names_are_not() -> None:
    assert not is_fault("scripted-chat")


def bent(script: Script, fault: str) -> Script:
    return bend(script, f"scripted-{fault}", 9.0, b"E", b"G")


@pytest.mark.parametrize(
    ("fault", "steps"),
    [
        ("chat", (Send(b"1"), Send(b"2"), Send(b"3"), Send(b"4"))),
        ("stall-midstream", (Send(b"1"), Send(b"2"), Wait(9.0), Send(b"3"), Send(b"4"))),
        ("reset-midstream", (Send(b"1"), Send(b"2"), Break())),
        ("error-midstream", (Send(b"1"), Send(b"2"), Send(b"E"))),
        ("garbage-midstream", (Send(b"1"), Send(b"2"), Send(b"G"))),
        ("truncated", (Send(b"1"), Send(b"2"))),
    ],
)
def test_streams_are_bent_in_the_middle(fault: str, steps: tuple[object, ...]) -> None:
    assert bent(STREAM, fault).steps == steps


def test_whole_answers_are_bent_too() -> None:
    assert bent(WHOLE, "truncated").body == WHOLE.body[:5]
    assert bent(WHOLE, "reset-midstream").steps == (Send(WHOLE.body[:5]), Break())
    assert bent(WHOLE, "error-midstream") is WHOLE
    assert b"not JSON" in bent(WHOLE, "garbage").body


def test_waits_and_breaks_may_come_before_the_head() -> None:
    assert bent(WHOLE, "slow").before_head == (Wait(9.0),)
    assert bent(WHOLE, "reset").before_head == (Break(),)
