import base64
import stat
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from entresol.app.price_files import (
    check_signature,
    installed_prices,
    is_older,
    newest_table,
    overrides_in,
    read,
    table_in,
    write_atomically,
)
from entresol.config import PriceSettings
from entresol.core.errors import ConfigError
from entresol.llm.price_table import FORMAT, PriceTable, TableHead, price_table, table_of

NOON = 1_795_348_800.0  # 2026-11-22, 12:00 UTC


def file_with(version: str, rate: int = 1, pattern: str = "^m-") -> bytes:
    """A table with one model."""
    model = {"id": "m", "patterns": [pattern], "rows": [{"tiers": [{"above": 0, "rates": {"input": rate}}]}]}
    head = {"format": FORMAT, "source": "genai-prices", "version": version, "licence": "MIT"}
    return msgspec.json.encode({**head, "providers": {"openai": {"models": [model]}}})


def headed(source: str, version: str) -> PriceTable:
    return table_of(TableHead(format=FORMAT, source=source, version=version, licence=""), [])


def test_without_settings_it_is_the_packages_table() -> None:
    assert installed_prices(PriceSettings()) is price_table()
    assert installed_prices(PriceSettings(table_file="/nowhere/prices.json")) is price_table()


def test_the_newer_table_holds(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    for version, is_used in (("0.0.1", False), ("99.1.0", True)):
        path.write_bytes(file_with(version))
        table = newest_table(PriceSettings(table_file=str(path)))
        assert (table is not price_table()) == is_used


def test_overrides_come_before_the_table(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("prices:\n- {provider: openai, model: gpt-4o, since: 2026-11-01, input: 7}\n")
    price = installed_prices(PriceSettings(overrides_file=str(path))).price("openai", "gpt-4o", None, NOON)
    assert price is not None
    assert price.tiers[0].rates.input == 7_000_000
    assert price.version == overrides_in(str(path)).version


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 2"),
        ("prices: [{provider: openai}]", "prices[0].input: required field missing; prices[0].model: required"),
        ("[]", "expected a record"),
    ],
)
def test_overrides_that_are_wrong_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        installed_prices(PriceSettings(overrides_file=str(path)))
    assert message in caught.value.message


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        file_with("1", pattern="("),
        file_with("1", rate=-1),
        file_with("1").replace(b'"rows"', b'"lines"'),
        file_with("1").replace(b'"openai":{"models"', b'"openai":{"names"'),
        file_with("1").replace(b'"models":[', b'"models":[],"models":['),
        file_with("1" * 5000),
        file_with("1").replace(b'"rates":{', b'"rates":' + b"[" * 100_000 + b"{"),
        file_with("1").replace(b'"source"', b'"\xff"'),
    ],
)
def test_every_row_of_a_table_is_checked(data: bytes) -> None:
    with pytest.raises(ConfigError):
        table_in(data, "prices.json")


def test_of_many_faults_the_first_are_told() -> None:
    models = [{"id": f"m{number}", "rows": []} for number in range(50)]
    head = {"format": FORMAT, "source": "genai-prices", "version": "1", "licence": ""}
    with pytest.raises(ConfigError) as caught:
        table_in(msgspec.json.encode({**head, "providers": {"openai": {"models": models}}}), "prices.json")
    assert caught.value.message.count("it has no rows") == 10
    assert caught.value.message.endswith("; …")


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(str(tmp_path / "none"))
    assert caught.value.message == f"{tmp_path}/none: No such file or directory"


@pytest.mark.parametrize(
    ("one", "other", "older"),
    [
        (("a", "0.2.3"), ("a", "0.2.3"), False),
        (("a", "0.2.3"), ("a", "0.2.10"), True),
        (("a", "0.10"), ("a", "0.9"), False),
        (("a", "1"), ("b", "2"), False),
    ],
)
def test_versions_are_compared_by_their_numbers(one: tuple[str, str], other: tuple[str, str], older: bool) -> None:
    assert is_older(headed(*one), headed(*other)) is older


def test_a_file_is_put_in_place_whole(tmp_path: Path) -> None:
    path = tmp_path / "state" / "prices.json"
    for data in (b"one", b"two"):
        write_atomically(str(path), data)
        assert path.read_bytes() == data
    assert [each.name for each in path.parent.iterdir()] == ["prices.json"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_nothing_is_left_of_a_file_that_cannot_be_put_in_place(tmp_path: Path) -> None:
    (tmp_path / "prices.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomically(str(tmp_path / "prices.json"), b"data")
    assert [each.name for each in tmp_path.iterdir()] == ["prices.json"]


KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def signed(tmp_path: Path) -> tuple[bytes, Path, str]:
    """A table's bytes and path, and the file of the key."""
    data = file_with("1")
    (tmp_path / "key.pem").write_bytes(pem(KEY.public_key()))
    return data, tmp_path / "t.json", str(tmp_path / "key.pem")


def test_a_signature_is_raw_or_base64(signed: tuple[bytes, Path, str]) -> None:
    data, path, key = signed
    for signature in (KEY.sign(data), base64.b64encode(KEY.sign(data)) + b"\n"):
        path.with_name("t.json.sig").write_bytes(signature)
        check_signature(data, str(path), key)


def test_a_signature_of_something_else_is_refused(signed: tuple[bytes, Path, str]) -> None:
    data, path, key = signed
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    for signature in (KEY.sign(data + b" "), other.sign(data), b"", b"????", b"x" * 64):
        path.with_name("t.json.sig").write_bytes(signature)
        with pytest.raises(ConfigError, match="signature"):
            check_signature(data, str(path), key)


def test_a_missing_signature_and_a_wrong_key_are_refused(signed: tuple[bytes, Path, str]) -> None:
    data, path, key = signed
    with pytest.raises(ConfigError, match="No such file"):
        check_signature(data, str(path), key)
    path.with_name("t.json.sig").write_bytes(KEY.sign(data))
    curve = generate_private_key(SECP256R1()).public_key()
    for wrong, message in (
        (b"no key", "not a public key"),
        (curve.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "not an Ed25519 key"),
    ):
        Path(key).write_bytes(wrong)
        with pytest.raises(ConfigError, match=message):
            check_signature(data, str(path), key)
