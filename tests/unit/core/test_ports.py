"""The ports: what adapters and fakes implement is what the rings ask for."""

import inspect
from typing import Any, get_type_hints

import pytest

from entresol.core import ports

PROTOCOLS = [thing for _, thing in inspect.getmembers(ports, inspect.isclass) if getattr(thing, "_is_protocol", False)]


def methods(protocol: type[Any]) -> list[str]:
    return [name for name, member in vars(protocol).items() if inspect.isfunction(member) and name[0] != "_"]


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.__name__)
def test_every_method_of_a_port_says_what_it_does(protocol: type[Any]) -> None:
    assert [name for name in methods(protocol) if not inspect.getdoc(getattr(protocol, name))] == []


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.__name__)
def test_every_method_of_a_port_is_a_plain_function_with_types(protocol: type[Any]) -> None:
    for name in methods(protocol):
        method = getattr(protocol, name)
        assert not inspect.iscoroutinefunction(method), name
        assert set(inspect.signature(method).parameters) - {"self"} <= set(get_type_hints(method)), name


def test_the_data_plane_has_its_five_ends() -> None:
    names = {protocol.__name__ for protocol in PROTOCOLS}
    assert {"Handler", "RequestReceiver", "Responder", "Transport", "ResponseReceiver", "UpstreamCall"} <= names
