"""The token that stands for the caller when another one is asked for."""

from entresol.core.errors import ClientError, ConfigError
from entresol.identity.outgoing.granted import Caller
from entresol.identity.records.upstreams import UpstreamAuth


def subject_token(auth: UpstreamAuth, caller: Caller) -> str:
    """The caller's token. Raises ClientError `no_subject_token` when the caller came with none (a virtual key, a
    session), ConfigError `upstream_auth_incomplete` when delegation is wanted and nobody acts."""
    if not caller.subject_token:
        raise ClientError(
            "no_subject_token",
            f"upstream {auth.id} is called on behalf of the user, which needs a token of the user's issuer: "
            "a virtual key does not do",
            status=403,
        )
    if auth.delegates and not caller.actor_token:
        raise ConfigError("upstream_auth_incomplete", f"upstream {auth.id}: delegation without an actor", status=503)
    return caller.subject_token
