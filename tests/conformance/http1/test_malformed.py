"""Every malformed or ambiguous message against a running gateway: the answer, the connection, and what got through."""

import pytest

from conformance.http1.cases import CASES, Case
from conformance.http1.event_loops import run
from conformance.http1.gateway import Closed, Gateway, RawClient, client_of

pytestmark = pytest.mark.usefixtures("each_event_loop")

PROBE = b"GET /probe HTTP/1.1\r\nHost: api.test\r\n\r\n"


def test_the_table_is_large_and_names_each_case_once() -> None:
    assert len(CASES) >= 80
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.section.startswith(("RFC 91", "RFC 3986", "limit ")) for case in CASES)


async def answers_to(client: RawClient, case: Case) -> list[int]:
    """Send the message; the statuses up to the close, or up to and with the last one expected if it stays open."""
    client.send(case.data)
    if case.hangs_up:
        client.writer.write_eof()
    statuses: list[int] = []
    try:
        while case.closes or len(statuses) < len(case.answers):
            statuses.append((await client.answer()).status)
    except Closed:
        pass
    return statuses


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_message_that_must_not_pass_is_refused(case: Case) -> None:
    async def scenario() -> None:
        async with Gateway() as gateway, client_of(gateway) as client:
            assert await answers_to(client, case) == list(case.answers)
            if not case.closes:
                client.send(PROBE)
                assert (await client.answer()).body == b"GET /probe 0"
            upstream = gateway.upstream
            upstream.check_soundness()
            assert [request.target for request in upstream.complete] == list(case.passes)

    run(scenario())
