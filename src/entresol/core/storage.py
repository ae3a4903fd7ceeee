"""The store of records, as the rings see it.

    user = await store.read(lambda records: records.one(User, organisation="o", username="ada"))
    await store.write(lambda records: records.replace(change(records.need(Team, team_id))))

Work on records is a plain function, not a coroutine: it runs in one transaction, on the writer's thread or beside a
connection to PostgreSQL, sees only what it reads there, and has no effects but on records, for it may be run again
when two transactions collide.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from entresol.core.errors import ClientError
from entresol.core.record import Record

R = TypeVar("R", bound=Record)
T = TypeVar("T")


class Records(Protocol):
    """Records within one transaction. `equal` names fields of `Record`, `unique` or `indexed`, and their values."""

    def get(self, cls: type[R], record_id: str) -> R | None:
        """By id."""

    def need(self, cls: type[R], record_id: str) -> R:
        """By id. Raises NotFound."""

    def one(self, cls: type[R], **equal: str | int | bool | None) -> R | None:
        """The only record with these values; None without one. Raises LookupError when there are several."""

    def find(self, cls: type[R], **equal: str | int | bool | None) -> Sequence[R]:
        """All records with these values, by id. For collections that stay small; `page` is for the others."""

    def page(self, cls: type[R], after: str, limit: int, **equal: str | int | bool | None) -> Sequence[R]:
        """At most `limit` records whose id is above `after`, by id."""

    def count(self, cls: type[R], **equal: str | int | bool | None) -> int:
        """How many there are."""

    def insert(self, record: R) -> R:
        """A new record. Returns it with revision 1 and its times. Raises AlreadyExists."""

    def replace(self, record: R) -> R:
        """Put it in the place of the revision it says it was made from; returns it with the next one.

        Raises NotFound, RevisionConflict, AlreadyExists.
        """

    def delete(self, cls: type[R], record_id: str) -> bool:
        """False if there was none."""

    def delete_where(self, cls: type[R], **equal: str | int | bool | None) -> int:
        """How many there were. At least one value must be given."""

    def take(self, cls: type[R], record_id: str) -> R | None:
        """Read and delete: of all who try, exactly one gets it."""


class Store(Protocol):
    """Where records are. What cannot be reached raises StoreDown."""

    def read(self, work: Callable[[Records], T]) -> Awaitable[T]:
        """Run it in one transaction that only reads."""

    def write(self, work: Callable[[Records], T]) -> Awaitable[T]:
        """Run it in one transaction; when it returns, what it did is durable. An exception undoes all of it."""


class NotFound(ClientError):
    """404 `not_found`."""

    def __init__(self, kind: str, record_id: str) -> None:
        super().__init__("not_found", f"there is no record {record_id!r} in {kind}", status=404)


class AlreadyExists(ClientError):
    """409 `already_exists`: another record has these values."""

    def __init__(self, kind: str, fields: Sequence[str]) -> None:
        super().__init__("already_exists", f"another record in {kind} has the same {' and '.join(fields)}", status=409)
        self.fields = tuple(fields)


class RevisionConflict(ClientError):
    """412 `revision_conflict`: it has been changed since it was read."""

    def __init__(self, kind: str, record_id: str) -> None:
        message = f"{record_id!r} in {kind} has been changed meanwhile: read it again"
        super().__init__("revision_conflict", message, status=412)


class StoreDown(ClientError):
    """503 `store_unavailable`: changes and sign-ins have to wait, traffic goes on from the last plan."""

    status = 503
    side = "gateway"

    def __init__(self, why: str) -> None:
        super().__init__("store_unavailable", f"the store cannot be reached: {why}", status=503)
