"""Errors in each provider's words."""

import msgspec
import pytest

from entresol.scripted import wire_errors
from entresol.scripted.faults import StatusFault
from entresol.scripted.script import Incoming, Refusal

REQUEST = Incoming("POST", "/v1/messages", "", {}, b"{}")


@pytest.mark.parametrize(
    ("wire", "kind"),
    [("openai", "rate_limit_error"), ("anthropic", "rate_limit_error"), ("gemini", "RESOURCE_EXHAUSTED")],
)
def test_a_rate_limit_says_when_to_come_back(wire: str, kind: str) -> None:
    refusal = wire_errors.status_refusal(wire, StatusFault(429, 7))
    assert (refusal.status, refusal.kind, refusal.headers) == (429, kind, ((b"retry-after", b"7"),))


@pytest.mark.parametrize(
    ("status", "kind"), [(418, "invalid_request_error"), (599, "api_error"), (529, "overloaded_error")]
)
def test_any_status_has_an_error_type(status: int, kind: str) -> None:
    assert wire_errors.status_refusal("anthropic", StatusFault(status, None)).kind == kind


@pytest.mark.parametrize(
    ("wire", "rendered"),
    [
        ("openai", {"error": {"message": "no", "type": "kind", "param": "p", "code": "c"}}),
        ("gemini", {"error": {"code": 400, "message": "no", "status": "kind"}}),
    ],
)
def test_refusals_have_the_shape_of_their_wire(wire: str, rendered: object) -> None:
    script = wire_errors.render(wire, Refusal(400, "kind", "no", param="p", code="c"), REQUEST)
    assert msgspec.json.decode(script.body) == rendered
    assert script.status == 400


def test_anthropics_refusals_carry_the_request_id_twice() -> None:
    script = wire_errors.render("anthropic", Refusal(400, "kind", "no"), REQUEST)
    value = msgspec.json.decode(script.body)
    assert (b"request-id", value["request_id"].encode()) in script.headers
    assert value["error"] == {"type": "kind", "message": "no"}


@pytest.mark.parametrize("wire", ["openai", "anthropic", "gemini"])
def test_no_refusal_repeats_a_key(wire: str) -> None:
    for refusal in (wire_errors.bad_key(wire, "sk-secret"), wire_errors.bad_key(wire, None)):
        assert "sk-secret" not in refusal.message
    assert wire_errors.no_model(wire, "x").status == wire_errors.not_found(wire, "x").status == 404
    assert wire_errors.bad_body(wire, "x").status == 400
