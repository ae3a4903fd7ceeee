"""Mode `entra_obo`: Microsoft Entra ID's on-behalf-of flow.

Source: Microsoft identity platform, "OAuth 2.0 On-Behalf-Of flow". Entra takes no `resource` and no `audience`:
what the token is for stands in the scopes (`https://graph.microsoft.com/.default`).
"""

from entresol.core.fetching import Steps
from entresol.identity.outgoing.granted import Caller, Granted
from entresol.identity.outgoing.subject import subject_token
from entresol.identity.outgoing.token_request import JWT_BEARER, ask
from entresol.identity.records.upstreams import UpstreamAuth


def by_entra_obo(auth: UpstreamAuth, caller: Caller, now: int) -> Steps[Granted]:
    """A token for the caller. Raises what `ask` raises, and ClientError `no_subject_token`."""
    form = [
        ("grant_type", JWT_BEARER),
        ("assertion", subject_token(auth, caller)),
        ("requested_token_use", "on_behalf_of"),
        ("scope", " ".join(auth.scopes)),
    ]
    return ask(auth, form, now)
