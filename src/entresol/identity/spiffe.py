"""SPIFFE IDs: `spiffe://TRUST-DOMAIN/PATH`.

Source: SPIFFE-ID §2 (the URI has no user, port, query or fragment; what the trust domain and path are made of).
"""

import re
from typing import Final

MAX_BYTES: Final = 2048
_ID: Final = re.compile(r"spiffe://(?P<domain>[a-z0-9._-]{1,255})(?P<path>(?:/[A-Za-z0-9._-]+)*)")


def trust_domain(spiffe_id: str) -> str:
    """Its trust domain. Raises ValueError for what is no SPIFFE ID of a workload."""
    fault = spiffe_fault(spiffe_id)
    match = _ID.fullmatch(spiffe_id)
    if fault or match is None:
        raise ValueError(fault)
    return match["domain"]


def spiffe_fault(spiffe_id: str) -> str:
    """Why it is no SPIFFE ID of a workload; empty if it is one."""
    match = _ID.fullmatch(spiffe_id) if len(spiffe_id) <= MAX_BYTES else None
    if match is None:
        return "a SPIFFE ID is spiffe://DOMAIN/PATH of letters, digits, '.', '-' and '_', the domain in lower case"
    segments = match["path"].split("/")[1:]
    if not segments or any(segment in (".", "..") for segment in segments):
        return "a workload's SPIFFE ID has a path without '.' and '..'"
    return ""
