import re

import jsonschema
import msgspec
import pytest

from entresol.admin.app import all_operations
from entresol.admin.openapi import openapi
from entresol.identity.permissions import CATALOGUE
from unit.admin.office import ISSUER, Caller, Office

OPERATIONS = all_operations(ISSUER)
DOCUMENT = msgspec.json.decode(msgspec.json.encode(openapi(OPERATIONS, f"{ISSUER}/admin/v1")))


def test_the_document_is_there_for_everybody() -> None:
    answer = Caller(Office(), "").get("/openapi.json")
    assert answer.json() == DOCUMENT
    assert answer.headers["content-type"] == "application/json"


def test_every_reference_leads_somewhere_and_every_name_is_given_once() -> None:
    names = [each.id for each in OPERATIONS]
    assert len(names) == len(set(names))
    for reference in set(re.findall(r"#/components/schemas/(\w+)", repr(DOCUMENT))):
        jsonschema.Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"][reference])


def test_every_permission_that_is_named_exists() -> None:
    for each in OPERATIONS:
        if each.permission:
            resource, _, action = each.permission.partition(":")
            assert action in CATALOGUE[resource], each.id


@pytest.mark.parametrize("secret", ["digest", "secret_digests", "csrf_key", "registration_digest"])
def test_no_answer_has_a_field_of_a_secret(secret: str) -> None:
    for each in OPERATIONS:
        if each.answer is not None and each.id not in ("createOauthClient", "rotateOauthClientSecret"):
            schema = DOCUMENT["components"]["schemas"][each.answer.__name__]
            assert secret not in schema["properties"], each.id


def test_answers_are_as_the_document_says() -> None:
    ada = Office().as_("ada")
    for path, name in (("/users/usr_ben", "User"), ("/whoami", "WhoAmI"), ("/permissions", "Catalogue")):
        schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
        jsonschema.validate(ada.get(path).json(), schema)
