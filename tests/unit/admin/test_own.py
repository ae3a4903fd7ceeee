from unit.admin.office import Office


def test_everybody_learns_who_they_are_and_what_they_may_do() -> None:
    office = Office()
    ada = office.as_("ada").get("/whoami").json()
    assert (ada["organisation"], ada["kind"], ada["roles"], ada["permissions"][0]) == ("org", "user", ["owner"], "*:*")
    dora = office.as_("dora", "admin:read").get("/whoami").json()
    assert (dora["account"], dora["scopes"], dora["permissions"]) == ("usr_dora", ["admin:read"], [])


def test_all_permissions_are_listed_with_the_built_in_roles() -> None:
    found = Office().as_("dora").get("/permissions").json()
    assert "users:impersonate" in found["permissions"]
    assert [each["name"] for each in found["roles"]] == ["owner", "admin", "auditor", "provisioner", "member"]
