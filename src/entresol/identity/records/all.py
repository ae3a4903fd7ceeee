"""Every class of record of the identity ring, for the store to make tables of."""

from typing import Final

from entresol.core.record import Record
from entresol.identity.records import (
    access,
    accounts,
    administration,
    factors,
    issuers,
    oauth_clients,
    sessions,
    signing_keys,
    upstreams,
    virtual_keys,
)

IDENTITY_RECORDS: Final[tuple[type[Record], ...]] = (
    accounts.Organisation,
    accounts.Team,
    accounts.Membership,
    accounts.User,
    accounts.ExternalIdentity,
    accounts.ServiceAccount,
    virtual_keys.VirtualKey,
    oauth_clients.OAuthClient,
    oauth_clients.InitialAccessToken,
    issuers.Issuer,
    access.Role,
    access.RoleAssignment,
    access.ResourceGrant,
    factors.Password,
    factors.Totp,
    factors.Passkey,
    factors.Invitation,
    sessions.Session,
    sessions.SignInAttempt,
    sessions.AuthorizationRequest,
    sessions.AuthorizationCode,
    sessions.RefreshToken,
    sessions.RevokedToken,
    sessions.DeviceGrant,
    sessions.Consent,
    sessions.UsedOnce,
    signing_keys.SigningKey,
    signing_keys.NodeSecret,
    signing_keys.DataKey,
    administration.IdempotentAnswer,
    upstreams.UpstreamAuth,
    upstreams.UserGrant,
    upstreams.ConnectAttempt,
)
