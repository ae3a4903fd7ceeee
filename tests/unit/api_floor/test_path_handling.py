"""api_floor.path_handling"""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.api_floor.path_handling import path_builder
from entresol.core.uri import normalise_path

TABLE = Path(__file__).with_name("path_handling_cases.txt")


def kong_cases() -> list[tuple[str, str, bool, str, str, str]]:
    cases = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            service, route, strips, handlings, request, upstream = line.split()
            cases += [
                (service, "/" if route == "-" else route, strip == "yes", handling, request, upstream)
                for strip, handling in product(strips.split(","), handlings.split(","))
            ]
    return cases


def test_the_table_is_complete() -> None:
    assert len(kong_cases()) == len(set(kong_cases())) + len(DOUBLES) == 212


DOUBLES = [case for index, case in enumerate(kong_cases()) if case in kong_cases()[:index]]
"""A route without paths behaves as one with `/`, so some of Kong's cases coincide."""


@pytest.mark.parametrize(("service", "route", "strip", "handling", "request_path", "upstream"), kong_cases())
def test_the_upstream_path_is_kongs(
    service: str, route: str, strip: bool, handling: str, request_path: str, upstream: str
) -> None:
    path = normalise_path(request_path)
    assert path.startswith(route)
    assert path_builder(service, strip, handling)(path, len(route)) == upstream


@pytest.mark.parametrize("handling", ["v0", "v1"])
@pytest.mark.parametrize("rest", [".", "..", "./x", "../x"])
def test_cutting_a_prefix_leaves_no_way_up(handling: str, rest: str) -> None:
    built = path_builder("/srv/", True, handling)("/a" + rest, 2)
    assert built in ("/srv", "/srv/", "/srv/x")


def test_asterisk_form_is_passed_on() -> None:
    assert path_builder("/srv", True, "v0")("*", 1) == "*"


SEGMENTS = st.lists(st.sampled_from(["a", "b", "..x", "x..", "%2F", "srv"]), max_size=4)


@given(
    st.sampled_from(["/", "/srv", "/srv/", "/srv/deep"]),
    SEGMENTS,
    st.booleans(),
    st.sampled_from(["v0", "v1"]),
    st.integers(0, 12),
)
def test_no_path_leaves_the_service(service: str, segments: list[str], strip: bool, handling: str, cut: int) -> None:
    path = normalise_path("/" + "/".join(segments))
    built = path_builder(service, strip, handling)(path, min(max(cut, 1), len(path)))
    assert built.startswith(service.rstrip("/"))
    assert "//" not in built
    assert not {".", ".."} & set(built.split("/"))
