"""What a scripted provider remembers."""

from entresol.scripted.media_shelf import KEPT, Shelf


def test_the_same_file_twice_is_two_files() -> None:
    shelf = Shelf()
    first, second = shelf.put("a", "batch", b"x"), shelf.put("a", "batch", b"x")
    assert first.id != second.id
    assert first.row["bytes"] == 1


def test_the_oldest_file_goes() -> None:
    shelf = Shelf()
    first = shelf.put("a", "batch", b"x")
    for _ in range(KEPT):
        last = shelf.put("a", "batch", b"x")
    assert first.id not in shelf.files
    assert last.id in shelf.files


def test_a_batch_counts_the_lines_of_its_file() -> None:
    shelf = Shelf()
    stored = shelf.put("a.jsonl", "batch", b"{}\n\n{}\n")
    batch = shelf.start({"input_file_id": stored.id, "endpoint": "/v1/embeddings", "completion_window": "24h"})
    assert batch["request_counts"] == {"total": 2, "completed": 0, "failed": 0}
    assert shelf.batches == {batch["id"]: batch}
