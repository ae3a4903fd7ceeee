"""Mode `token_exchange`: the caller's token for one that the upstream takes (RFC 8693)."""

from entresol.core.fetching import Steps
from entresol.identity.outgoing.granted import Caller, Granted
from entresol.identity.outgoing.subject import subject_token
from entresol.identity.outgoing.token_request import ACCESS_TOKEN, EXCHANGE, ask, with_target
from entresol.identity.records.upstreams import UpstreamAuth


def by_token_exchange(auth: UpstreamAuth, caller: Caller, now: int) -> Steps[Granted]:
    """A token for the caller; with `delegates` the upstream sees who acts, too. Raises what `ask` raises, and
    ClientError `no_subject_token`."""
    form = [
        ("grant_type", EXCHANGE),
        ("subject_token", subject_token(auth, caller)),
        ("subject_token_type", ACCESS_TOKEN),
        ("requested_token_type", ACCESS_TOKEN),
    ]
    if auth.delegates:
        form += [("actor_token", caller.actor_token), ("actor_token_type", ACCESS_TOKEN)]
    return ask(auth, with_target(auth, form), now, token_types=(ACCESS_TOKEN,))
