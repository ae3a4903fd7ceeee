"""Boundaries and part heads: what is read, and what is refused because others might read it otherwise."""

import pytest

from entresol.core.errors import ClientError
from entresol.llm.multipart_heads import PartHead, boundary_of, read_part_head


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'Multipart/Form-Data;boundary="a b?c"', b"a b?c"),
        (b"multipart/form-data; charset=utf-8; BOUNDARY=----WebKit7MA4", b"----WebKit7MA4"),
        (b"multipart/form-data; boundary=abc;", b"abc"),
        (b"multipart/form-data; boundary=" + b"x" * 70, b"x" * 70),
    ],
)
def test_a_boundary_is_read_from_the_content_type(content_type: bytes, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    ("content_type", "complaint"),
    [
        (b"application/json", "must be multipart/form-data"),
        (b"multipart/mixed; boundary=a", "must be multipart/form-data"),
        (b"", "must be multipart/form-data"),
        (b"multipart/form-data", "names no boundary"),
        (b"multipart/form-data; charset=utf-8", "names no boundary"),
        (b"multipart/form-data; boundary=", "malformed"),
        (b'multipart/form-data; boundary=""', "1 to 70"),
        (b'multipart/form-data; boundary="a "', "1 to 70"),
        (b'multipart/form-data; boundary="a\r\nb"', "1 to 70"),
        (b"multipart/form-data; boundary=" + b"x" * 71, "1 to 70"),
        (b"multipart/form-data; boundary=a; boundary=b", "two of boundary"),
        (b"multipart/form-data; boundary=a b", "malformed"),
    ],
)
def test_a_content_type_without_one_good_boundary_is_refused(content_type: bytes, complaint: str) -> None:
    with pytest.raises(ClientError, match=complaint) as refused:
        boundary_of(content_type)
    assert refused.value.code == "bad_request"


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b'Content-Disposition: form-data; name="model"', PartHead("model", False, True)),
        (b"content-disposition:form-data;name=model", PartHead("model", False, True)),
        (b'Content-Disposition: form-data; name="file"; filename="C:\\a \\"b\\".wav"', PartHead("file", True, True)),
        (b"Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''%e2%82%ac", PartHead("f", True, True)),
        (b'Content-Type: text/plain\r\nContent-Disposition: form-data; name="a"', PartHead("a", False, True)),
        (b'Content-Disposition: form-data; name="\xc3\xa9"', PartHead("é", False, True)),
        (
            b'Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64',
            PartHead("a", False, False),
        ),
        (b'Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: 8Bit', PartHead("a", False, True)),
    ],
)
def test_a_part_head_says_the_name_and_whether_it_is_a_file(head: bytes, part: PartHead) -> None:
    assert read_part_head(head, 1) == part


@pytest.mark.parametrize(
    ("head", "complaint"),
    [
        (b"", "malformed header line"),
        (b"Content-Type: text/plain", "part 3 has no content-disposition"),
        (b'Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="b"', "two content-disp"),
        (b'Content-Disposition: form-data; name="a"; name="b"', "two of name"),
        (b'Content-Disposition: attachment; name="a"', "must be form-data"),
        (b"Content-Disposition: form-data", "no name"),
        (b"Content-Disposition: form-data; name*=UTF-8''model; name=x", "no name"),
        (b'Content-Disposition: form-data; name="mo\\del"', "backslash"),
        (b'Content-Disposition: form-data; name="\xff"', "not UTF-8"),
        (b'Content-Disposition: form-data; name="a', "malformed"),
        (b'Content-Disposition: form-data; name="a" x', "malformed"),
        (b'Content-Disposition: form-data;\r\n name="a"', "malformed header line"),
        (b'Content-Disposition : form-data; name="a"', "malformed header line"),
        (b'X: a\nContent-Disposition: form-data; name="a"', "malformed header line"),
        (b'X: a\0\r\nContent-Disposition: form-data; name="a"', "malformed header line"),
    ],
)
def test_a_part_head_that_can_be_read_in_two_ways_is_refused(head: bytes, complaint: str) -> None:
    with pytest.raises(ClientError, match=complaint) as refused:
        read_part_head(head, 3)
    assert refused.value.code == "bad_request"
