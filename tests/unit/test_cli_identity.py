"""The command line about people, keys and the store."""

from pathlib import Path

import pytest

from entresol.cli import main


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTRESOL_STORE__URL", f"sqlite:///{tmp_path / 'store.db'}")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("store")
def test_a_key_from_its_making_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "upgrade", "--check")
    said(capsys, "migrate")
    _, key = said(
        capsys, "keys", "create", "--for", "service:ci", "--name", "k", "--scope", "llm", "--scope", "mcp",
        "--model", "m", "--address", "10.0.0.0/8", "--expires-days", "3",
    )  # fmt: skip
    assert key.startswith("esk_s_")
    [line] = said(capsys, "keys", "list")
    key_id = line.split()[0]
    assert said(capsys, "keys", "rotate", key_id, "--overlap", "0")[1] != key
    assert "is revoked" in said(capsys, "keys", "revoke", key_id)[0]


@pytest.mark.usefixtures("store")
def test_people_from_the_first_link_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert "/setup?token=esi_" in said(capsys, "init")[-1]
    assert said(capsys, "users", "list") == []
    assert main(["users", "invite", "ada"]) == 1
    assert "run `entresol init` first" in capsys.readouterr().err
    assert main(["users", "disable", "ada"]) == 1


@pytest.mark.parametrize("arguments", [["init"], ["keys", "list"], ["migrate"], ["users", "list"]])
def test_without_a_store_a_command_says_what_to_set(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENTRESOL_STORE__URL", raising=False)
    assert main(arguments) == 1
    assert "set store.url" in capsys.readouterr().err


def test_settings_that_are_wrong_are_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("store: {urll: x}")
    assert main(["init", "--settings", str(file)]) == 1
    assert "urll" in capsys.readouterr().err


def test_upgrade_only_checks() -> None:
    with pytest.raises(SystemExit):
        main(["upgrade"])
