from entresol.admin.app import admin_resource, all_operations


def test_the_admin_api_is_a_resource_of_its_own() -> None:
    assert admin_resource("https://g.example/auth") == "https://g.example/auth/admin"


def test_no_two_operations_are_at_one_place() -> None:
    places = [(each.method, each.path) for each in all_operations("https://g")]
    assert len(places) == len(set(places)) > 40
