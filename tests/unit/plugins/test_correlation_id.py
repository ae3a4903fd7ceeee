import re

import pytest

from entresol.api_floor.log_slots import CORRELATION_ID
from entresol.plugins.correlation_id import CorrelationId
from entresol.plugins.file_log import FileLog
from playbooks.harness import Gateway, Reply

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def sent_id(reply: Reply, field: bytes = b"kong-request-id") -> str:
    assert reply.sent is not None
    (value,) = reply.sent.headers.get_all(field)
    return value.decode()


def test_by_default_a_series_with_a_counter_goes_to_the_upstream_only() -> None:
    gate = Gateway((CorrelationId, {}))
    ids = [sent_id(gate.call()) for _ in range(3)]
    assert re.fullmatch(f"{UUID}#1", ids[0])
    assert [value.partition("#")[2] for value in ids] == ["1", "2", "3"]
    assert len({value.partition("#")[0] for value in ids}) == 1
    assert gate.call().header("kong-request-id") is None


def test_a_uuid_is_new_for_each_request() -> None:
    gate = Gateway((CorrelationId, {"generator": "uuid", "header_name": "X-Trace"}))
    ids = [sent_id(gate.call(), b"x-trace") for _ in range(3)]
    assert all(re.fullmatch(UUID, value) for value in ids)
    assert len(set(ids)) == 3


def test_a_tracker_tells_addresses_worker_connection_number_and_time() -> None:
    reply = Gateway((CorrelationId, {"generator": "tracker"})).call()
    assert re.fullmatch(r"192\.0\.2\.1-8000-\d+-40000-1-1700000000\.000", sent_id(reply))


@pytest.mark.parametrize("generator", ["uuid", "uuid#counter", "tracker"])
def test_a_clients_own_id_is_kept(generator: str) -> None:
    gate = Gateway((CorrelationId, {"generator": generator, "echo_downstream": True}))
    reply = gate.call(headers=[(b"kong-request-id", b"mine")])
    assert (sent_id(reply), reply.header("kong-request-id")) == ("mine", "mine")


def test_an_empty_id_is_no_id() -> None:
    reply = Gateway((CorrelationId, {})).call(headers=[(b"kong-request-id", b"")])
    assert sent_id(reply).endswith("#1")


def test_the_id_is_echoed_when_asked_to_even_where_nothing_matched() -> None:
    gate = Gateway((CorrelationId, {"echo_downstream": True}))
    reply = gate.call()
    assert reply.header("kong-request-id") == sent_id(reply)
    gate.has_route = False
    missed = gate.call()
    assert (missed.status, missed.header("kong-request-id")) == (404, missed.exchange[CORRELATION_ID])


def test_the_id_is_in_the_log() -> None:
    gate = Gateway((CorrelationId, {}), (FileLog, {"path": "/log"}))
    reply = gate.call()
    assert gate.records()[0]["correlation_id"] == sent_id(reply)
