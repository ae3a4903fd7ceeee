"""Every valid message against a running gateway: each arrives upstream once, in order, unchanged in meaning."""

import pytest

from conformance.http1.event_loops import run
from conformance.http1.gateway import Closed, Gateway, client_of
from conformance.http1.recording_upstream import Received
from conformance.http1.valid_cases import VALID_CASES, Arrival, ValidCase

pytestmark = pytest.mark.usefixtures("each_event_loop")

PROBE = b"GET /probe HTTP/1.1\r\nHost: api.test\r\n\r\n"


def test_the_table_is_large_and_names_each_case_once() -> None:
    assert len(VALID_CASES) >= 25
    assert len({case.name for case in VALID_CASES}) == len(VALID_CASES)


def check_arrival(request: Received, expected: Arrival, upstream_host: bytes) -> None:
    assert (request.method, request.target, request.body) == (expected.method, expected.target, expected.body)
    assert request.field(b"host") == (expected.host or upstream_host)
    assert request.trailers == expected.trailers
    for name, values in expected.fields.items():
        assert [value for key, value in request.fields if key == name] == values, name


@pytest.mark.parametrize("case", VALID_CASES, ids=lambda case: case.name)
def test_a_valid_message_arrives_with_its_meaning(case: ValidCase) -> None:
    async def scenario() -> None:
        async with Gateway() as gateway, client_of(gateway) as client:
            client.send(case.data)
            for arrival in case.arrivals:
                answer = await client.answer(arrival.method)
                assert answer.status == 200, answer.body
                if arrival.method != "HEAD":
                    assert answer.body == f"{arrival.method} {arrival.target} {len(arrival.body)}".encode()
            if case.closes:
                with pytest.raises(Closed):
                    await client.answer()
            else:
                client.send(PROBE)
                assert (await client.answer()).body == b"GET /probe 0"
            gateway.upstream.check_soundness()
            received = gateway.upstream.complete if case.closes else gateway.upstream.complete[:-1]
            assert len(received) == len(case.arrivals)
            for request, expected in zip(received, case.arrivals, strict=True):
                check_arrival(request, expected, b"127.0.0.1:%d" % gateway.upstream_port)

    run(scenario())
