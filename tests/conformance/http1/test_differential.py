"""The same messages given to nginx and to h11: we may refuse more than they do, never take more than they do, except
where `differences` says why.
"""

from collections.abc import Mapping
from pathlib import Path

import h11
import pytest

from conformance.http1.cases import CASES, Case
from conformance.http1.differences import (
    LAXER_THAN_H11,
    LAXER_THAN_NGINX,
    STRICTER_THAN_H11,
    STRICTER_THAN_NGINX,
)
from conformance.http1.in_memory import outcome_of
from conformance.http1.nginx import statuses_of_nginx
from conformance.http1.valid_cases import VALID_CASES, ValidCase

ALL: list[Case | ValidCase] = [*CASES, *VALID_CASES]
Requests = list[tuple[str, str, bytes]]


def we_take(case: Case | ValidCase) -> bool:
    """The verdict the other suites hold us to."""
    return isinstance(case, ValidCase) or (bool(case.answers) and max(case.answers) < 400)


def check(
    them: Mapping[str, bool], stricter: Mapping[str, tuple[str, ...]], laxer: Mapping[str, tuple[str, ...]]
) -> None:
    """Compare every verdict; what differs has to be exactly what the tables list."""
    names = {case.name for case in ALL}
    listed_stricter = {name for group in stricter.values() for name in group}
    listed_laxer = {name for group in laxer.values() for name in group}
    assert listed_stricter | listed_laxer <= names, "a table lists messages that do not exist"
    assert {case.name for case in ALL if them[case.name] and not we_take(case)} == listed_stricter
    assert {case.name for case in ALL if not them[case.name] and we_take(case)} == listed_laxer


def test_we_are_never_laxer_than_nginx_but_where_listed(tmp_path: Path) -> None:
    statuses = statuses_of_nginx(ALL, tmp_path)
    wanted = {case.name: len(case.arrivals if isinstance(case, ValidCase) else case.answers) or 1 for case in ALL}
    check(
        {name: len(found) >= wanted[name] and max(found) < 400 for name, found in statuses.items()},
        STRICTER_THAN_NGINX,
        LAXER_THAN_NGINX,
    )


def test_we_are_never_laxer_than_h11_but_where_listed() -> None:
    check({case.name: h11_takes(case) for case in ALL}, STRICTER_THAN_H11, LAXER_THAN_H11)


def h11_takes(case: Case | ValidCase) -> bool:
    requests, is_refused = read_by_h11(case.data)
    return bool(requests) and not is_refused and not (isinstance(case, Case) and case.hangs_up)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_what_we_take_h11_reads_as_the_same_requests(case: Case | ValidCase) -> None:
    ours = read_by_us(case.data)
    theirs, _ = read_by_h11(case.data)
    listed = {name for group in LAXER_THAN_H11.values() for name in group}
    if case.name not in listed:
        assert theirs[: len(ours)] == ours


def read_by_us(data: bytes) -> Requests:
    """Method, target and body of each request our server takes."""
    _, _, taken = outcome_of([data])
    found: Requests = []
    for method, path, query, _version, _upgrade, _fields, body, _trailers in taken:
        assert isinstance(body, bytes)
        found.append((str(method), f"{path}?{query}" if query else str(path), body))
    return found


def read_by_h11(data: bytes) -> tuple[Requests, bool]:
    """The same for h11, and whether it refused the bytes in the end."""
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=200_000)
    reader.receive_data(data)
    requests: Requests = []
    method, target, body = "", "", b""
    try:
        while True:
            event = reader.next_event()
            if isinstance(event, h11.Request):
                method, target, body = event.method.decode(), origin_form(event.target.decode("latin-1")), b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                requests.append((method, target, body))
                if method == "CONNECT":
                    return requests, False  # a tunnel: nothing more is a request
                reader.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                reader.send(h11.EndOfMessage())
                if reader.our_state is not h11.DONE:
                    return requests, False
                reader.start_next_cycle()
            else:
                return requests, reader.their_state is h11.ERROR
    except h11.RemoteProtocolError:
        return requests, True


def origin_form(target: str) -> str:
    """A target without scheme and host, as we split it."""
    if not target.lower().startswith("http://"):
        return target.removesuffix("?")
    rest = target[len("http://") :]
    start = min((rest.find(mark) for mark in "/?" if mark in rest), default=len(rest))
    path = rest[start:]
    return path if path.startswith("/") else "/" + path
