"""Placeholders of a model's configuration."""

import pytest

from entresol.api_floor.ai_template import look_up
from playbooks.floor import Playbook


@pytest.mark.parametrize(
    ("source", "key", "value"),
    [
        ("headers", "X-Model", "m"),
        ("headers", "x-none", None),
        ("query_params", "model", "a b"),
        ("query_params", "none", None),
        ("uri_captures", "name", None),
    ],
)
def test_a_placeholder_stands_for_what_the_request_says(source: str, key: str, value: str | None) -> None:
    client = Playbook().client_sends(headers=[(b"x-model", b"m")], query="model=a%20b")
    assert client.path is not None
    assert look_up(client.path.exchange, source, key) == value


def test_without_a_route_there_are_no_captures() -> None:
    client = Playbook(match=None).client_sends()
    assert client.path is not None
    assert look_up(client.path.exchange, "uri_captures", "name") is None
