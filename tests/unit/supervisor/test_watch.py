import os
from pathlib import Path

import pytest

from entresol.supervisor.watch import FileWatch, digest_of

ONE = digest_of(b"one")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("one")
    return path


def written(path: Path, text: str, after_ns: int) -> None:
    """Write with a time of change that differs, however coarse the file system's clock is."""
    path.write_text(text)
    os.utime(path, ns=(after_ns, after_ns))


def test_nothing_happened_means_no_change(file: Path) -> None:
    assert not FileWatch(str(file), ONE).has_changed()


def test_new_content_is_one_change(file: Path) -> None:
    watch = FileWatch(str(file), ONE)
    written(file, "two", 10**18)
    assert [watch.has_changed(), watch.has_changed()] == [True, False]


def test_what_was_written_before_the_watch_began_is_one_change(file: Path) -> None:
    watch = FileWatch(str(file), digest_of(b"before"))
    assert [watch.has_changed(), watch.has_changed()] == [True, False]


def test_touching_is_no_change(file: Path) -> None:
    watch = FileWatch(str(file), ONE)
    os.utime(file, ns=(10**18, 10**18))
    assert not watch.has_changed()


def test_a_file_that_replaces_another_is_noticed(file: Path) -> None:
    watch = FileWatch(str(file), ONE)
    other = file.with_name("other")
    other.write_text("two")
    other.replace(file)
    assert watch.has_changed()


def test_a_link_that_points_elsewhere_is_noticed(file: Path) -> None:
    link, other = file.with_name("link"), file.with_name("other")
    other.write_text("two")
    link.symlink_to(file)
    watch = FileWatch(str(link), ONE)
    link.unlink()
    assert not watch.has_changed()  # between the two it is missing
    link.symlink_to(other)
    assert watch.has_changed()


def test_a_missing_file_is_no_change_and_its_return_with_the_same_content_neither(file: Path) -> None:
    watch = FileWatch(str(file), ONE)
    file.unlink()
    assert not watch.has_changed()
    written(file, "one", 10**18)
    assert not watch.has_changed()


def test_a_file_that_cannot_be_read_any_more_is_one_change_and_so_is_its_return(file: Path) -> None:
    watch = FileWatch(str(file), ONE)
    file.unlink()
    file.mkdir()  # as root, mode bits would stop nobody
    assert [watch.has_changed(), watch.has_changed()] == [True, False]
    file.rmdir()
    file.write_text("one")
    assert [watch.has_changed(), watch.has_changed()] == [True, False]


def test_a_file_that_becomes_readable_is_noticed_though_its_content_is_older(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = FileWatch(str(file), ONE)
    written(file, "two", 10**18)
    with monkeypatch.context() as patch:

        def refuse(*_: object) -> None:
            raise PermissionError

        patch.setattr("builtins.open", refuse)
        assert [watch.has_changed(), watch.has_changed()] == [True, False]
    file.chmod(0o600)  # touches neither the content nor its time
    assert watch.has_changed()
