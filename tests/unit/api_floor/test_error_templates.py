"""api_floor.error_templates"""

import pytest

from entresol.api_floor.error_templates import error_body

JSON = b"application/json; charset=utf-8"
HTML = b"text/html; charset=utf-8"
XML = b"application/xml; charset=utf-8"
PLAIN = b"text/plain; charset=utf-8"
BROWSER = b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, JSON),
        (b"", JSON),
        (b"*/*", JSON),
        (b"application/json", JSON),
        (b"application/*", JSON),
        (b"image/png", JSON),
        (b"text/html", HTML),
        (BROWSER, HTML),
        (b"Text/HTML; charset=utf-8", HTML),
        (b"application/xml", XML),
        (b"text/plain", PLAIN),
        (b"text/*", PLAIN),
        (b"text/html;q=0.5, application/json", JSON),
        (b"text/html ; Q=0.5, application/xml;q=0.7", XML),
        (b"text/html;q=0", JSON),
        (b"text/html;q=nonsense", HTML),
    ],
)
def test_the_template_is_what_the_client_prefers(accept: bytes | None, content_type: bytes) -> None:
    assert error_body(accept, "m", "id")[0] == content_type


def test_json_is_kongs() -> None:
    assert error_body(None, 'say "x"', "id")[1] == b'{\n  "message":"say \\"x\\"",\n  "request_id":"id"\n}'


def test_plain_text_is_kongs() -> None:
    assert error_body(b"text/plain", "a < b", "id")[1] == b"a < b\nrequest_id: id\n"


@pytest.mark.parametrize("accept", [b"text/html", b"application/xml"])
def test_markup_holds_the_message_escaped(accept: bytes) -> None:
    body = error_body(accept, "<script>&é", "id-1")[1].decode()
    assert "&lt;script&gt;&amp;é" in body
    assert "id-1" in body
    assert "<script>" not in body


def test_markup_has_kongs_elements() -> None:
    assert b"<h1>Error</h1>\n    <p>no Route.</p>\n" in error_body(b"text/html", "no Route", "id")[1]
    assert (
        b"<message>no Route</message>\n  <requestid>id</requestid>\n"
        in error_body(b"application/xml", "no Route", "id")[1]
    )
