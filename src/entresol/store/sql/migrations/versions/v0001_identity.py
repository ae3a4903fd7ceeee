"""Tables of identities, clients, tokens and keys."""

import sqlalchemy as sa
from alembic import op

from entresol.store.sql.migrations.steps import create_record_table as table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
phase = "expand"


def upgrade() -> None:
    """Accounts first, then what refers to them."""
    op.create_table(
        "changes",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_changes_at", "changes", ["at"])
    table("organisations", "name:text", "organisation", ("name",))
    table(
        "teams",
        "name:text external_id:text? parent:text?",
        "organisation parent",
        ("organisation name", "organisation external_id"),
    )
    table("memberships", "team:text member:text", "organisation team member")
    table(
        "users",
        "username:text external_id:text? email:text",
        "organisation email",
        ("organisation username", "organisation external_id"),
    )
    table(
        "external_identities",
        "issuer:text subject:text user:text",
        "organisation user",
        ("organisation issuer subject",),
    )
    table("service_accounts", "name:text", "organisation", ("organisation name",))
    table(
        "virtual_keys",
        "digest:text previous_digest:text? owner:text",
        "organisation owner",
        ("digest", "previous_digest"),
    )
    table("oauth_clients", "service_account:text? source:text", "organisation service_account source")
    table("initial_access_tokens", "expires_at:int", "organisation expires_at")
    table(
        "issuers",
        "name:text issuer:text purpose:text",
        "organisation",
        ("organisation name", "organisation issuer purpose"),
    )
    table("roles", "name:text", "organisation", ("organisation name",))
    table("role_assignments", "role:text grantee:text", "organisation role grantee")
    table("resource_grants", "resource:text grantee:text", "organisation resource grantee")
    table("passwords", "", "organisation")
    table("totps", "", "organisation")
    table("passkeys", "user:text", "organisation user")
    table("invitations", "user:text expires_at:int", "organisation user expires_at")
    table("sessions", "user:text expires_at:int", "organisation user expires_at")
    table("sign_in_attempts", "expires_at:int", "organisation expires_at")
    table("authorization_requests", "client:text expires_at:int", "organisation client expires_at")
    table("authorization_codes", "user:text client:text expires_at:int", "organisation user client expires_at")
    table(
        "refresh_tokens",
        "family:text user:text client:text expires_at:int",
        "organisation family user client expires_at",
    )
    table("revoked_tokens", "expires_at:int", "organisation expires_at")
    table("device_grants", "user_code:text expires_at:int", "organisation expires_at", ("user_code",))
    table("consents", "user:text client:text", "organisation user client")
    table("used_once", "expires_at:int", "organisation expires_at")
    table("idempotent_answers", "expires_at:int", "organisation expires_at")
    table("signing_keys", "", "organisation")
    table("node_secrets", "", "organisation")
    table("data_keys", "", "organisation")
    table("upstream_auths", "", "organisation")
    table("user_grants", "user:text upstream:text", "organisation user upstream")
    table("connect_attempts", "expires_at:int", "organisation expires_at")
