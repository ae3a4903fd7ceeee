"""The files and batches that a scripted provider keeps: the one thing it remembers from call to call."""

from typing import Any, Final

import msgspec

from entresol.scripted import tokens
from entresol.scripted.openai_wire import CREATED

KEPT: Final = 200
"""Files, and batches: the oldest goes."""


class Stored(msgspec.Struct, frozen=True):
    """An uploaded file."""

    id: str
    filename: str
    purpose: str
    data: bytes

    @property
    def row(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "id": self.id, "object": "file", "bytes": len(self.data), "created_at": CREATED, "filename": self.filename,
            "purpose": self.purpose, "status": "processed",
        }  # fmt: skip


class Shelf:
    """Files and batches by id."""

    def __init__(self) -> None:
        self.files: dict[str, Stored] = {}
        self.batches: dict[str, dict[str, Any]] = {}

    def put(self, filename: str, purpose: str, data: bytes) -> Stored:
        """Keep a file. The same one again is another file."""
        stored = Stored(
            tokens.derived_id("file-", 22, filename, purpose, data, len(self.files)), filename, purpose, data
        )
        self.files[stored.id] = stored
        if len(self.files) > KEPT:
            del self.files[next(iter(self.files))]
        return stored

    def start(self, body: dict[str, Any]) -> dict[str, Any]:
        """Keep a batch, which has just begun."""
        source = self.files[body["input_file_id"]]
        count = len([line for line in source.data.splitlines() if line.strip()])
        batch = {
            "id": tokens.derived_id("batch_", 24, msgspec.json.encode(body), len(self.batches)), "object": "batch",
            "endpoint": body["endpoint"], "input_file_id": source.id, "completion_window": body["completion_window"],
            "status": "in_progress", "created_at": CREATED, "errors": None, "output_file_id": None,
            "error_file_id": None, "metadata": body.get("metadata"),
            "request_counts": {"total": count, "completed": 0, "failed": 0},
        }  # fmt: skip
        self.batches[str(batch["id"])] = batch
        if len(self.batches) > KEPT:
            del self.batches[next(iter(self.batches))]
        return batch
