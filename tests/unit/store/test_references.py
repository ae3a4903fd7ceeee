"""store.references"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.schema import Violation
from entresol.core.secret import Secret
from entresol.store.references import ReferenceResolver, without_quotes

ENVIRONMENT = {
    "OPENAI_API_KEY": "sk-1",
    "APP_TOKEN": "t",
    "CREDS": '{"user": "u", "port": 5, "deep": {"a": 1}}',
    "DECK_TOKEN": "d: [1]\n# }",
    "DECK_VAULT": "{vault://env/app-token}",
    "HOME": "/home/x",
    "BYTES": "\udcff",
}


def resolve(data: Any) -> tuple[Any, list[Violation], list[Violation]]:
    resolver = ReferenceResolver(ENVIRONMENT)
    return resolver.resolve(data), resolver.warnings, resolver.violations


VALUES = {
    "{vault://env/openai-api-key}": "sk-1",
    "{vault://env/OPENAI_API_KEY}": "sk-1",
    "Bearer {vault://env/openai-api-key}": "Bearer sk-1",
    "{vault://env/openai-api-key}:{vault://env/app-token}": "sk-1:t",
    "{vault://env/token?prefix=app_}": "t",
    "{vault://env/creds/user}": "u",
    "{vault://env/creds/port}": "5",
    "{vault://env/creds/deep}": '{"a": 1}',
    '${{ env "DECK_TOKEN" }}': "d: [1]\n# }",
    "${{env 'DECK_TOKEN'}}": "d: [1]\n# }",
    '${{ env \\"DECK_TOKEN\\" }}': "d: [1]\n# }",
    '${{ env "DECK_TOKEN" | toInt }}': "d: [1]\n# }",
    'x-${{ env "DECK_TOKEN" }}-{vault://env/app-token}': "x-d: [1]\n# }-t",
    '${{ env "DECK_VAULT" }}': "{vault://env/app-token}",
}


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_a_reference_becomes_a_secret_with_its_value(text: str, value: str) -> None:
    assert resolve(text) == (Secret(value, reference=text), [], [])


@pytest.mark.parametrize("text", ["", "plain", "{}", "{x}", "$(headers.x)", "${HOME}", "{{ template }}"])
def test_other_texts_stay(text: str) -> None:
    assert resolve(text) == (text, [], [])


def test_references_are_found_anywhere_and_named_by_their_path() -> None:
    data, warnings, violations = resolve({"a": [{"b": "{vault://env/gone}"}], "c": 1, "d": None})
    secret = data["a"][0]["b"]
    assert isinstance(secret, Secret)
    assert not secret.is_resolved
    assert secret.missing == ("{vault://env/gone}",)
    assert (data["c"], data["d"]) == (1, None)
    assert warnings == [Violation("a[0].b", "no value for {vault://env/gone}: GONE is not set")]
    assert violations == []


@pytest.mark.parametrize("subkey", ["gone", "user/deeper"])
def test_a_json_key_that_is_missing_is_a_reference_without_a_value(subkey: str) -> None:
    text = f"{{vault://env/creds/{subkey}}}"
    assert resolve(text)[1] == [Violation("", f"no value for {text}: CREDS is not set or lacks the key")]
    assert resolve("{vault://env/openai-api-key/x}")[1] != []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{vault://hcv/secret/x}", "vault 'hcv' is not supported yet; supported: env"),
        ("{vault://env/bytes}", "the value of the reference is not UTF-8"),
        ("{vault://env}", "not a reference: expected {vault://env/NAME}"),
        ("{vault://", "not a reference: expected {vault://env/NAME}"),
        ('${{ env "HOME" }}', "environment variables in the state file must be prefixed with 'DECK_', found: 'HOME'"),
        ('${{ env "DECK_GONE" }}', "environment variable 'DECK_GONE' present in state file but not set"),
    ],
)
def test_what_is_no_valid_reference_is_a_violation(text: str, message: str) -> None:
    assert resolve({"x": text})[2] == [Violation("x", message)]


def test_a_value_is_never_read_for_references_again() -> None:
    resolved = resolve('${{ env "DECK_VAULT" }}')[0]
    assert resolved.reveal() == "{vault://env/app-token}"


@given(st.text(max_size=60) | st.text(alphabet="${ env\"DECK_}vault:/?=&'|", max_size=60))
def test_any_text_is_resolved_or_refused(text: str) -> None:
    resolve([text])


@pytest.mark.parametrize("rest", ["", " | toInt"])
def test_a_name_without_quotes_is_written_back_with_them(rest: str) -> None:
    quoted, bare = f'x-${{{{ env "DECK_TOKEN"{rest} }}}}', f"x-${{{{ env DECK_TOKEN{rest} }}}}"
    assert resolve(bare) == resolve(quoted)
    assert without_quotes(quoted) == without_quotes(bare) == bare


def test_only_the_quotes_of_references_are_taken_away() -> None:
    text = 'a: "b" # ${{ "x" }} {{ env "y" }} ${{ env "DECK_Z'
    assert without_quotes(text) == text
