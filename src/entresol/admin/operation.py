"""One thing that the Admin API does: where, for whom, with what body, and the work itself.

Routes and the OpenAPI document are both made from these, so that neither says what the other does not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from entresol.core.errors import ClientError
from entresol.core.record import Record
from entresol.core.storage import Records
from entresol.identity.principal import Principal
from entresol.identity.rights import Rights

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request that has been understood, within its transaction."""

    records: Records
    principal: Principal
    rights: Rights
    now: int
    body: Any = None
    path: Mapping[str, str]
    query: Mapping[str, str]
    if_match: str = ""

    @property
    def tenant(self) -> str:
        """Id of the organisation that all of it is about."""
        return self.principal.tenant

    def check_match(self, record: Record) -> None:
        """Raises ClientError 412 `revision_conflict` when the caller names another revision (RFC 9110 §13.1.1)."""
        if self.if_match and self.if_match != "*" and etag_of(record) not in _listed(self.if_match):
            raise ClientError("revision_conflict", "it has been changed since it was read: read it again", status=412)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is answered."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    told: str = ""
    """What the log says of it besides who did it."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """See the module."""

    id: str
    """`operationId`."""
    method: Method
    path: str
    """Below the API's own, such as `/users/{id}`."""
    summary: str
    tag: str
    work: Callable[[Call], Answer]
    permission: str = ""
    """`resource:action`, for the document; the work itself checks it. Empty: whoever has a scope."""
    body: Any = None
    """Type of the body, None without one."""
    answer: Any = None
    """Type of the answer's body, None without one."""
    status: int = 200
    query: tuple[str, ...] = ()
    """Parameters that are taken."""

    @property
    def writes(self) -> bool:
        """Whether it changes something, and so needs `admin:write`."""
        return self.method != "GET"


def etag_of(record: Record) -> str:
    """A strong entity tag: the revision."""
    return f'"{record.revision}"'


def _listed(value: str) -> set[str]:
    return {each.strip() for each in value.split(",")}
