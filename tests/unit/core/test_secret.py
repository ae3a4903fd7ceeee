"""core.secret"""

import msgspec
import pytest

from entresol.core.errors import ConfigError
from entresol.core.secret import Secret


def test_a_secret_shows_itself_only_when_asked_to() -> None:
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"


def test_a_struct_with_a_secret_does_not_show_it() -> None:
    class Config(msgspec.Struct):
        token: Secret

    assert "hunter2" not in repr(Config(token=Secret("hunter2")))


def test_a_secret_cannot_be_encoded_by_accident() -> None:
    with pytest.raises(TypeError):
        msgspec.json.encode({"token": Secret("hunter2")})


def test_an_unresolved_secret_raises_when_used_and_names_only_the_reference() -> None:
    secret = Secret(None, reference="pass:word {vault://env/key}", missing=("{vault://env/key}",))
    assert not secret.is_resolved
    with pytest.raises(ConfigError) as raised:
        secret.reveal()
    assert raised.value.code == "secret_unresolved"
    assert raised.value.message == "no value for {vault://env/key}"
    assert "pass:word" not in repr(secret)


def test_secrets_are_equal_when_value_and_reference_are() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a", reference="{vault://env/a}") != Secret("a")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
