"""An organisation with people, teams and programs, for tests of keys and authentication."""

from entresol.identity.records.access import Role, RoleAssignment
from entresol.identity.records.accounts import ExternalIdentity, Membership, ServiceAccount, Team, User
from fake_records import MemoryRecords

NOW = 1_700_000_000
GATEWAY = "https://gateway.example"
IDP = "https://idp.example"
ADA = User(id="u-ada", organisation="org", username="ada")
BOT = ServiceAccount(
    id="s-bot", organisation="org", name="bot", is_agent=True, subjects=(f"{IDP}|repo:x", "spiffe://a.example/bot")
)
CI = ServiceAccount(id="s-ci", organisation="org", name="ci")
COMPANY = Team(id="t-company", organisation="org", name="company")
LAB = Team(id="t-lab", organisation="org", name="lab", parent="t-company")


def peopled() -> MemoryRecords:
    """Ada is in the lab, which is in the company; the company's role is `member`, Ada's own `editor`."""
    records = MemoryRecords(lambda: NOW)
    for record in (
        ADA,
        BOT,
        CI,
        COMPANY,
        LAB,
        Membership(id="m1", organisation="org", team="t-lab", member="u-ada"),
        ExternalIdentity(id="e1", organisation="org", issuer=IDP, subject="ada@idp", user="u-ada"),
        Role(id="r-1", organisation="org", name="painter", permissions=("image:make",)),
        RoleAssignment(id="a1", organisation="org", role="member", grantee_kind="team", grantee="t-company"),
        RoleAssignment(id="a2", organisation="org", role="editor", grantee_kind="user", grantee="u-ada"),
        RoleAssignment(id="a3", organisation="org", role="runner", grantee_kind="service_account", grantee="s-bot"),
    ):
        records.insert(record)
    return records
