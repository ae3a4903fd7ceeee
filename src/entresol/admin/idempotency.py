"""Requests that make something and may be sent twice: `Idempotency-Key`.

The answer is kept for a day, in the transaction that made it, so that exactly one of two equal requests makes
something. Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec
from starlette.requests import Request

from entresol.admin.operation import Answer
from entresol.core.errors import ClientError
from entresol.core.storage import Records
from entresol.identity.principal import Principal
from entresol.identity.records.administration import IdempotentAnswer

KEPT_S: Final = 86_400
MAX_KEY: Final = 255


class Repeatable:
    """One such request. Without a key it is run each time."""

    def __init__(self, record_id: str, tenant: str, request: str, now: int) -> None:
        self._id = record_id
        self._tenant = tenant
        self._request = request
        self._now = now

    @classmethod
    def of(cls, request: Request, principal: Principal, body: bytes, now: int) -> "Repeatable":
        """Raises ClientError `bad_request` for a key that is too long."""
        key = request.headers.get("idempotency-key", "")
        if len(key) > MAX_KEY:
            raise ClientError("bad_request", f"Idempotency-Key: at most {MAX_KEY} characters")
        asked = sha256(f"{request.method} {request.url.path}\n".encode() + body).hexdigest()
        record_id = sha256("\0".join((*principal.key, key)).encode()).hexdigest() if key else ""
        return cls(record_id, principal.tenant, asked, now)

    def around(self, work: Callable[[Records], Answer]) -> Callable[[Records], Answer]:
        """The work, run once for each key. Raises ClientError 422 `idempotency_key_reused`."""
        if not self._id:
            return work

        def once(records: Records) -> Answer:
            known = records.get(IdempotentAnswer, self._id)
            if known is not None and known.expires_at > self._now:
                return self._again(known)
            if known is not None:
                records.delete(IdempotentAnswer, self._id)
            answer = work(records)
            records.insert(self._kept(answer))
            return answer

        return once

    def _again(self, known: IdempotentAnswer) -> Answer:
        if known.request != self._request:
            raise ClientError("idempotency_key_reused", "this Idempotency-Key was used for another request", status=422)
        body = msgspec.json.decode(known.body) if known.body else None
        return Answer(body=body, status=known.status, headers=dict(known.headers) | {"idempotency-replayed": "true"})

    def _kept(self, answer: Answer) -> IdempotentAnswer:
        return IdempotentAnswer(
            id=self._id,
            organisation=self._tenant,
            request=self._request,
            status=answer.status,
            headers=tuple(answer.headers.items()),
            body="" if answer.body is None else msgspec.json.encode(answer.body).decode(),
            expires_at=self._now + KEPT_S,
        )
