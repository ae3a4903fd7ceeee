"""Where the master key comes from."""

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from entresol.core.errors import ConfigError, InternalError
from entresol.core.fetching import Steps
from entresol.store.master_key import LocalMasterKey, key_from_environment, key_from_file

T = TypeVar("T")


def result_of(steps: Steps[T]) -> T:
    with pytest.raises(StopIteration) as ended:
        next(steps)
    value: T = ended.value.value
    return value


def test_a_data_key_comes_back_with_the_same_master_key_only() -> None:
    master = LocalMasterKey(b"m" * 32)
    wrapped = result_of(master.wrap(b"d" * 32))
    assert result_of(master.unwrap(wrapped)) == b"d" * 32
    with pytest.raises(InternalError):
        next(LocalMasterKey(b"n" * 32).unwrap(wrapped))


def test_a_master_key_is_told_by_its_id_which_says_nothing_of_it() -> None:
    master = LocalMasterKey(b"m" * 32)
    assert master.id == LocalMasterKey(b"m" * 32).id != LocalMasterKey(b"n" * 32).id
    assert "mmm" not in repr(master)


def test_a_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master"
    made = key_from_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert key_from_file(path).id == made.id
    assert len(base64.b64decode(path.read_text())) == 32
    assert list(path.parent.iterdir()) == [path]


def test_processes_that_begin_together_have_one_key(tmp_path: Path) -> None:
    path = tmp_path / "master"
    with ThreadPoolExecutor(8) as pool:
        ids = {key.id for key in pool.map(lambda _: key_from_file(path), range(32))}
    assert len(ids) == 1


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master"
    key_from_file(path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="others may read it") as failed:
        key_from_file(path)
    assert failed.value.code == "master_key_unusable"


@pytest.mark.parametrize("text", [b"", b"short", b"\xff\xfe", b"A" * 44, b"zz" * 32, base64.b64encode(b"x" * 31)])
def test_a_file_without_a_key_is_refused_and_not_shown(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "master"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError) as failed:
        key_from_file(path)
    assert failed.value.code == "master_key_unusable"
    assert not text or text.decode("latin-1") not in failed.value.message


def test_a_place_where_no_file_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere" / "x")
    with pytest.raises(ConfigError, match=r"gone/master: cannot be made"):
        key_from_file(tmp_path / "gone" / "master")


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        key_from_file(tmp_path)


def test_a_variable_holds_base64_or_hexadecimal() -> None:
    key = b"\x01" * 32
    texts = {"A": base64.b64encode(key).decode() + "\n", "B": key.hex()}
    assert key_from_environment("A", texts).id == key_from_environment("B", texts).id == LocalMasterKey(key).id
    with pytest.raises(ConfigError, match="no such variable"):
        key_from_environment("C", texts)
