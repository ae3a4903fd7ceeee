"""The limits: their defaults hold together, and each is documented."""

import msgspec
import pytest

from entresol.net.limits import Limits


def test_a_request_line_fits_into_a_head() -> None:
    assert Limits().max_request_line < Limits().max_head


def test_every_clock_is_on_by_default() -> None:
    clocks = [name for name in Limits.__struct_fields__ if name.endswith("_s")]
    assert len(clocks) == 7
    assert all(getattr(Limits(), name) > 0 for name in clocks)


def test_an_unknown_limit_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="max_heads"):
        msgspec.convert({"max_heads": 1}, Limits)


def test_limits_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Limits().max_head = 1  # type: ignore[misc]
