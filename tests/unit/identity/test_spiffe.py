"""SPIFFE IDs, read as strictly as they are written."""

import pytest

from entresol.identity.spiffe import MAX_BYTES, spiffe_fault, trust_domain


@pytest.mark.parametrize("name", ["spiffe://acme.example/ns/prod/sa/agent", "spiffe://a/b", "spiffe://a_1.b-2/X.y_z-1"])
def test_a_workloads_id_has_a_trust_domain_and_a_path(name: str) -> None:
    assert spiffe_fault(name) == ""
    assert trust_domain(name) == name.split("/")[2]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "spiffe://acme.example",
        "spiffe://acme.example/",
        "spiffe://acme.example/a/",
        "spiffe://acme.example//a",
        "spiffe://acme.example/a/../b",
        "spiffe://acme.example/.",
        "spiffe://ACME.example/a",
        "SPIFFE://acme.example/a",
        "spiffe:///a",
        "spiffe://user@acme.example/a",
        "spiffe://acme.example:443/a",
        "spiffe://acme.example/a?b",
        "spiffe://acme.example/a#b",
        "spiffe://acme.example/%61",
        "spiffe://acme.example/a\n",
        "spiffe://acme.example/é",
        "https://acme.example/a",
        "spiffe://" + "a" * 256 + "/a",
        "spiffe://a/" + "b" * MAX_BYTES,
    ],
)
def test_anything_else_names_nobody(name: str) -> None:
    assert spiffe_fault(name)
    with pytest.raises(ValueError):
        trust_domain(name)
