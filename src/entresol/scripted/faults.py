"""Misbehaviour on order: a model name that contains `scripted-<fault>` makes the provider fail in that way.

| in the model name | what happens |
| --- | --- |
| scripted-STATUS, such as scripted-500 | that error status in the wire's format; 429 and 503 with Retry-After |
| scripted-429-N | 429 with `Retry-After: N` (default 7) |
| scripted-slow | nothing for `slow_s` seconds, then a good answer |
| scripted-stall-midstream | half of the answer, then nothing for `slow_s` seconds, then the rest |
| scripted-reset | the connection breaks before any answer |
| scripted-reset-midstream | half of the answer, then the connection breaks |
| scripted-error-midstream | half of a stream, then an error event in the wire's format |
| scripted-garbage | status 200 and a body that is not JSON |
| scripted-garbage-midstream | half of a stream, then a frame that is not JSON |
| scripted-truncated | the answer stops in the middle, yet well framed |
| scripted-refusal | the model refuses (a good answer in every format) |
| scripted-cached | as much of the prompt as possible counts as read from a cache |
"""

import re
from typing import Final

import msgspec

from entresol.scripted.script import Break, Script, Send, Step, Wait

_STATUS = re.compile(r"scripted-(4\d\d|5\d\d)(?:-(\d+))?")
_DEFAULT_RETRY_AFTER = 7
_GARBAGE: Final = b"\x00<<this is not JSON>>{\x7f"

_SHAPES: Final = (
    "slow",
    "stall-midstream",
    "reset-midstream",
    "error-midstream",
    "garbage-midstream",
    "reset",
    "garbage",
    "truncated",
)
_BEHAVIOURS: Final = ("refusal", "cached")


class StatusFault(msgspec.Struct, frozen=True):
    """An error status on order."""

    status: int
    retry_after: int | None


def status_fault(model: str) -> StatusFault | None:
    """The error status that `model` asks for."""
    match = _STATUS.search(model)
    if match is None:
        return None
    status = int(match.group(1))
    if match.group(2) is not None:
        return StatusFault(status, int(match.group(2)))
    return StatusFault(status, _DEFAULT_RETRY_AFTER if status in (429, 503) else None)


def is_fault(model: str) -> bool:
    """Whether the name asks for anything described above."""
    return (
        _STATUS.search(model) is not None
        or _shape(model) is not None
        or any(f"scripted-{name}" in model for name in _BEHAVIOURS)
    )


def bend(script: Script, model: str, slow_s: float, error_frame: bytes, garbage_frame: bytes) -> Script:
    """`script` with the fault that `model` asks for. The frames are the wire's own, for streams."""
    shape = _shape(model)
    if shape is None:
        return script
    if shape == "slow":
        return msgspec.structs.replace(script, before_head=(Wait(slow_s),))
    if shape == "reset":
        return msgspec.structs.replace(script, before_head=(Break(),))
    if shape == "garbage":
        return msgspec.structs.replace(script, steps=(Send(_GARBAGE),))
    first, rest = _halves(script)
    steps: tuple[Step, ...]
    if shape == "stall-midstream":
        steps = (*first, Wait(slow_s), *rest)
    elif shape == "reset-midstream":
        steps = (*first, Break())
    elif shape == "truncated":
        steps = first
    elif not script.streamed:
        return script
    else:
        steps = (*first, Send(error_frame if shape == "error-midstream" else garbage_frame))
    return msgspec.structs.replace(script, steps=steps)


def _shape(model: str) -> str | None:
    return next((shape for shape in _SHAPES if f"scripted-{shape}" in model), None)


def _halves(script: Script) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    if len(script.steps) > 1:
        middle = len(script.steps) // 2
        return script.steps[:middle], script.steps[middle:]
    body = script.body
    return (Send(body[: len(body) // 2]),), (Send(body[len(body) // 2 :]),)
