"""How long to wait before the next try, in whatever form a provider says it: RFC 9110 has seconds and dates.

Sources: RFC 9110 section 10.2.3; OpenAI's "Rate limits" (`x-ratelimit-reset-*`, `retry-after-ms`); Anthropic's "Rate
limits" (`anthropic-ratelimit-*-reset`); google.rpc.RetryInfo in the details of Google's errors.
"""

import math
import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from entresol.core.http import Headers

WAITING: Final = (429, 503, 529)
"""Statuses that ask to come back later."""
_SECONDS: Final = re.compile(r"\+?\d{1,10}(?:\.\d{0,9})?")
_DATE: Final = re.compile(r"(?:\w+, )?(\d{1,2})[ -](\w{3})[ -](\d{4}) (\d\d):(\d\d):(\d\d) (?:GMT|UTC|\+0000)")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SPAN: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s))+")
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_LIMITS: Final = (
    ("x-ratelimit-remaining-{}", "x-ratelimit-reset-{}", ("requests", "tokens")),
    (
        "anthropic-ratelimit-{}-remaining",
        "anthropic-ratelimit-{}-reset",
        ("requests", "tokens", "input-tokens", "output-tokens"),
    ),
)
"""Header fields of what is left of a limit and when it is whole again, and the kinds of limits."""
_LONGEST_S: Final = 30 * 24 * 3600
"""Nobody waits longer; what says so is not believed."""
_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"


class _Detail(msgspec.Struct):
    kind: str | None = msgspec.field(name="@type", default=None)
    delay: str | None = msgspec.field(name="retryDelay", default=None)


class _Problem(msgspec.Struct):
    details: list[_Detail] | None = None


class _Body(msgspec.Struct):
    error: _Problem | None = None


_decode: Final = msgspec.json.Decoder(_Body | list[_Body]).decode


def seconds_said(headers: Headers, now: float) -> int | None:
    """What the head of an answer says, in whole seconds, rounded up. None: nothing that makes sense.

    `now` is in seconds since the epoch, for heads without a date of their own. Without `retry-after` and
    `retry-after-ms`, the limits that are used up say it; if none is, the one that is whole again first.
    """
    own_date = headers.get(b"date")
    now = now if own_date is None else _date(own_date.decode("latin-1")) or now
    for value in headers.get_all(b"retry-after"):
        wait = _seconds(value.decode("latin-1").strip(), now)
        if wait is not None:
            return wait
    in_ms = headers.get(b"retry-after-ms")
    if in_ms is not None and _SECONDS.fullmatch(in_ms.decode("latin-1")) is not None:
        return _whole(float(in_ms) / 1000)
    return _until_reset(headers, now)


def seconds_in(body: bytes) -> int | None:
    """What an error of Google's says in its details."""
    if b"RetryInfo" not in body:
        return None
    try:
        answer = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    first = answer if isinstance(answer, _Body) else answer[0] if answer else _Body()
    for detail in (first.error and first.error.details) or ():
        if detail.kind == _INFO and detail.delay is not None:
            return _span(detail.delay)
    return None


def _seconds(text: str, now: float) -> int | None:
    """Seconds, also with a fraction, or a date."""
    if _SECONDS.fullmatch(text) is not None:
        return _whole(float(text))
    then = _date(text)
    return None if then is None else _whole(then - now)


def _date(text: str) -> float | None:
    """A date of HTTP's, in seconds since the epoch."""
    found = _DATE.fullmatch(text)
    if found is None or found[2].lower() not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[group]) for group in (1, 3, 4, 5, 6))
    try:
        month = _MONTHS.index(found[2].lower()) + 1
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _until_reset(headers: Headers, now: float) -> int | None:
    used_up: list[int] = []
    others: list[int] = []
    for remaining, reset, kinds in _LIMITS:
        for kind in kinds:
            said = headers.get(reset.format(kind).encode())
            wait = None if said is None else _moment(said.decode("latin-1").strip(), now)
            if wait is not None:
                is_used_up = headers.get(remaining.format(kind).encode()) == b"0"
                (used_up if is_used_up else others).append(wait)
    if used_up:
        return max(used_up)
    return min(others, default=None)


def _moment(text: str, now: float) -> int | None:
    """A span such as `6m0s`, seconds, or a date as RFC 3339 has it."""
    if _SECONDS.fullmatch(text) is not None:
        return _whole(float(text))
    if "T" not in text:
        return _span(text)
    try:
        then = datetime.fromisoformat(text)
        return _whole(then.timestamp() - now) if then.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _span(text: str) -> int | None:
    if len(text) > 40 or _SPAN.fullmatch(text) is None:
        return None
    return _whole(sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)))


def _whole(seconds: float) -> int | None:
    """Rounded up; none below 0, which is past; None for what nobody can mean."""
    return None if seconds > _LONGEST_S else max(math.ceil(round(seconds, 6)), 0)
