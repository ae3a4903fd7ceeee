"""Kong's templates for errors: JSON, HTML, XML or plain text, whichever the client's Accept prefers (RFC 9110 §12.5.1).

Kong/kong, kong/tools/http.lua: the first media range of the highest quality counts; what is none of these is JSON.
"""

import re
from typing import Final

import msgspec

_JSON: Final = b"application/json; charset=utf-8"
_HTML: Final = b"text/html; charset=utf-8"
_XML: Final = b"application/xml; charset=utf-8"
_PLAIN: Final = b"text/plain; charset=utf-8"
_TYPES: Final = {b"text/html": _HTML, b"application/xml": _XML, b"text/plain": _PLAIN, b"text/*": _PLAIN}
_MARKUP: Final = {
    _HTML: b"""<!doctype html>
<html>
  <head>
    <meta charset="utf-8">
    <title>Error</title>
  </head>
  <body>
    <h1>Error</h1>
    <p>%b.</p>
    <p>request_id: %b</p>
  </body>
</html>
""",
    _XML: b"""<?xml version="1.0" encoding="UTF-8"?>
<error>
  <message>%b</message>
  <requestid>%b</requestid>
</error>
""",
}
_QUALITY: Final = re.compile(rb";\s*q\s*=\s*(1(?:\.0{0,3})?|0(?:\.\d{0,3})?)\s*(?:;|\Z)", re.IGNORECASE)


def error_body(accept: bytes | None, message: str, request_id: str) -> tuple[bytes, bytes]:
    """Content type and body of an error. `accept` is the client's field value; None when it sent none."""
    content_type = _JSON if accept is None else _preferred(accept)
    text, identifier = message.encode("utf-8", "replace"), request_id.encode("ascii")
    if content_type is _JSON:
        return _JSON, b'{\n  "message":%b,\n  "request_id":"%b"\n}' % (msgspec.json.encode(message), identifier)
    if content_type is _PLAIN:
        return _PLAIN, b"%b\nrequest_id: %b\n" % (text, identifier)
    escaped = text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    return content_type, _MARKUP[content_type] % (escaped, identifier)


def _preferred(accept: bytes) -> bytes:
    best, chosen = 0.0, _JSON
    for media_range in accept.lower().split(b","):
        found = _QUALITY.search(media_range)
        quality = 1.0 if found is None else float(found[1])
        if quality > best:
            best, chosen = quality, _TYPES.get(media_range.partition(b";")[0].strip(), _JSON)
    return chosen
