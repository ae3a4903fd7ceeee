import stat
from pathlib import Path

from entresol.app.signed_in import LoginFile, SignedIn, login_file

LOGIN = SignedIn(access_token="a", expires_at=7, refresh_token="r")


def test_logins_are_kept_by_gateway_for_their_owner_only(tmp_path: Path) -> None:
    logins = login_file({"XDG_CONFIG_HOME": str(tmp_path / "x")})
    assert logins.read("https://a") is None
    logins.keep("https://a", LOGIN)
    logins.keep("https://b", SignedIn(access_token="b", expires_at=8))
    assert logins.read("https://a") == LOGIN
    assert stat.S_IMODE(logins.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(logins.path.parent.stat().st_mode) & 0o077 == 0
    logins.keep("https://a", None)
    assert logins.read("https://a") is None
    assert logins.read("https://b") is not None
    assert [each.name for each in logins.path.parent.iterdir()] == ["login.json"]


def test_a_file_that_cannot_be_read_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "login.json"
    path.write_text("{")
    assert LoginFile(path).read("https://a") is None


def test_a_login_shows_no_token() -> None:
    assert repr(LOGIN) == "SignedIn(expires_at=7)"


def test_without_a_place_of_its_own_it_is_in_the_home() -> None:
    assert login_file({"HOME": "/home/ada"}).path == Path("/home/ada/.config/entresol/login.json")
