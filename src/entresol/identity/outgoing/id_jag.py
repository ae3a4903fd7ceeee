"""Mode `id_jag`: the identity provider vouches for the user at another company's authorization server.

Source: OAuth Identity Assertion Authorization Grant (draft-ietf-oauth-identity-assertion-authz-grant); two calls: at
the provider an ID-JAG for the upstream's authorization server, there an access token for it.
"""

import msgspec

from entresol.core.fetching import Steps
from entresol.identity.outgoing.granted import Caller, Granted
from entresol.identity.outgoing.subject import subject_token
from entresol.identity.outgoing.token_request import EXCHANGE, ID_JAG, ID_TOKEN, JWT_BEARER, ask, needed
from entresol.identity.records.upstreams import UpstreamAuth


def by_id_jag(auth: UpstreamAuth, caller: Caller, now: int) -> Steps[Granted]:
    """A token for the caller. `audience` is the issuer of the upstream's authorization server.

    Raises what `ask` raises, and ClientError `no_subject_token`.
    """
    form = [
        ("grant_type", EXCHANGE),
        ("subject_token", subject_token(auth, caller)),
        ("subject_token_type", ID_TOKEN),
        ("requested_token_type", ID_JAG),
        ("audience", needed(auth, "audience")),
    ]
    if auth.resource:
        form.append(("resource", auth.resource))
    if auth.scopes:
        form.append(("scope", " ".join(auth.scopes)))
    vouched = yield from ask(auth, form, now, token_types=(ID_JAG,))
    there = msgspec.structs.replace(auth, issuer=auth.audience)
    assertion = [("grant_type", JWT_BEARER), ("assertion", vouched.access_token)]
    return (yield from ask(there, assertion, now, endpoint=needed(auth, "resource_token_endpoint")))
