"""Forms that pages post: small, each field once."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from entresol.auth_server.json_answers import body_of
from entresol.core.errors import ClientError
from entresol.identity.oauth.request_form import MEDIA_TYPE

MAX_BODY = 16_384
MAX_FIELDS = 32


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields. Raises ClientError `form_unreadable`, and OAuthError for a body that is too large."""
    body = await body_of(request, MAX_BODY)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise ClientError("form_unreadable", f"the body must be {MEDIA_TYPE}")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise ClientError("form_unreadable", "the form cannot be read, or has too many fields") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ClientError("form_unreadable", "a field of the form is there twice")
    return fields
