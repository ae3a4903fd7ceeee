"""Mode `client_credentials`: the gateway's own account at the upstream (RFC 6749 §4.4)."""

from entresol.core.fetching import Steps
from entresol.identity.outgoing.granted import Granted
from entresol.identity.outgoing.token_request import ask, with_target
from entresol.identity.records.upstreams import UpstreamAuth


def by_client_credentials(auth: UpstreamAuth, now: int) -> Steps[Granted]:
    """A token of our own account. Raises what `token_request.ask` raises."""
    return ask(auth, with_target(auth, [("grant_type", "client_credentials")]), now)
