"""Where our verdict on a message is not the one of nginx or h11, and why. The tests assert these tables exactly: a
difference that is not listed fails, and so does a listed one that is gone.
"""

from collections.abc import Mapping
from typing import Final

_CODE: Final = "a client that breaks the grammar may be read differently by the next server: no second guess"
_HIDES: Final = "what stands behind it may be a field to one reader and part of a value to another"
_OWN_LIMIT: Final = "our limit; the other has none, or a larger one, as set up here"
_NO_ROUTING: Final = "a message parser: it leaves targets, hosts and versions to whoever uses it"
_BROKEN_HOST: Final = "no valid host[:port]; routing and X-Forwarded-Host depend on it"

STRICTER_THAN_NGINX: Final[Mapping[str, tuple[str, ...]]] = {
    "nginx takes LF for CRLF, which RFC 9112 §2.2 allows and smuggling needs": (
        "all lines ended by LF alone",
        "a request line ended by LF alone",
        "a head ended by LF CRLF",
        "a head ended by CRLF LF",
        "an empty line of LF alone first",
        "a field with a bare LF in its value",
        "a field with a bare LF, then a second field",
        "a field with a bare CR at its end",
        "chunk size ended by LF alone",
        "chunk data ended by LF alone",
        "last chunk ended by LF alone",
        "a trailer line ended by LF alone",
        "a trailer section ended by LF alone",
        "a good request, then a bare LF",
    ),
    "nginx skips whatever stands behind a chunk size": (
        "chunk size before a space",
        "chunk size before a tab",
        "chunk size with NUL in its extension",
        "chunk size with an unended quoted extension",
    ),
    "nginx does not look at trailers, and drops them; we pass them on": (
        "NUL in a trailer",
        "a space before the colon of a trailer",
        "a folded trailer",
        "Content-Length as trailer",
        "Transfer-Encoding as trailer",
        "a trailer without colon",
        "a second head as trailer",
    ),
    "nginx drops a field with an invalid name and takes the rest: " + _HIDES: (
        "a field with no colon",
        "a field with a parenthesis in its name",
        "a field with a bracket in its name",
        "a field with an at sign in its name",
        "a field with a slash in its name",
        "a field with a quote in its name",
        "a field with a byte over 127 in its name",
        "a field with UTF-8 in its name",
    ),
    "control characters in a value are not allowed (RFC 9110 §5.5)": (
        "a field with control character 1 in its value",
        "a field with DEL in its value",
        "a field with ESC in its value",
    ),
    _OWN_LIMIT: (
        "101 fields",
        "more than 100 trailers",
        "trailers over the limit",
        "chunk size with an extension over the limit",
        "a request line over the limit",
    ),
    "nginx takes any expectation; RFC 9110 §10.1.1 has 417 for it": (
        "an unknown expectation",
        "two expectations",
    ),
    "nginx takes request lines that are not METHOD SP target SP HTTP/1.1: " + _CODE: (
        "a request line with two spaces after the method",
        "a request line with two spaces before the version",
        "a request line with a space after the version",
        "a request line with HTTP/1.2",
        "a request line with HTTP/1.10",
    ),
    "a method nobody knows has no meaning that a gateway could decide about": (
        "a request line with an unknown method",
        "a good request, then an unknown method",
    ),
    "the target is not one of the forms of RFC 9112 §3.2": (
        "a request line with a fragment in the target",
        "a request line with an ftp URL",
    ),
    _BROKEN_HOST: (
        "a Host that holds a user",
        "a Host that holds a query",
        "a Host that holds a fragment",
        "a Host that holds a backslash",
        "a Host that has a port that is a word",
        "a Host that has a negative port",
        "a Host that has two ports",
        "a Host that has a port of six digits",
        "a Host that has an unclosed bracket",
        "a Host that has text after its bracket",
        "a Host that holds a byte over 127",
        "a Host that holds a quote",
        "a Host that holds markup",
        "a Host that holds a caret",
    ),
    "nginx reads the chunk by its size, finds the bytes behind it and waits for more of them": (
        "chunk size larger than the data",
    ),
}

LAXER_THAN_NGINX: Final[Mapping[str, tuple[str, ...]]] = {
    "a tab is white space, which is no part of a value (RFC 9110 §5.5, §5.6.3); nginx knows spaces only": (
        "Content-Length within white space",
        "Transfer-Encoding after white space",
    ),
}

STRICTER_THAN_H11: Final[Mapping[str, tuple[str, ...]]] = {
    "h11 takes LF for CRLF": (
        "Transfer-Encoding behind a bare LF",
        "a trailer line ended by LF alone",
        "a field with a bare LF, then a second field",
        "all lines ended by LF alone",
        "a request line ended by LF alone",
        "a head ended by LF CRLF",
        "a head ended by CRLF LF",
        "a good request, then a bare LF",
    ),
    "h11 unfolds folded fields; RFC 9112 §5.2 lets a server refuse them": (
        "Transfer-Encoding folded",
        "a folded trailer",
        "a field with a folded value (space)",
        "a field with a folded value (tab)",
        "a field with a folded empty line",
        "a good request, then a folded field",
    ),
    "h11 joins equal lengths, which RFC 9110 §8.6 allows; no honest client sends two": (
        "Content-Length is a list of equal numbers",
        "two equal Content-Length",
    ),
    "h11 lets Transfer-Encoding win over Content-Length, which RFC 9112 §6.1 allows and smuggling needs": (
        "Content-Length, then chunked",
        "Content-Length 0 and chunked",
        "a good request, then Content-Length with chunked",
    ),
    "HTTP/1.0 has no Transfer-Encoding (RFC 9112 §6.1)": ("chunked in HTTP/1.0",),
    "llhttp takes no white space behind chunked": (
        "Transfer-Encoding: chunked before white space, which a recipient may take but llhttp does not",
    ),
    "h11 skips whatever stands behind a chunk size": (
        "chunk size before a space",
        "chunk size before a tab",
        "chunk size with an extension behind a bare CR",
        "chunk size with NUL in its extension",
        "chunk size with an unended quoted extension",
    ),
    "framing fields must not be trailers (RFC 9110 §6.5.1)": (
        "Content-Length as trailer",
        "Transfer-Encoding as trailer",
    ),
    "control characters in a value are not allowed (RFC 9110 §5.5)": (
        "a field with control character 1 in its value",
        "a field with DEL in its value",
        "a field with ESC in its value",
    ),
    _OWN_LIMIT: (
        "chunk size with an extension over the limit",
        "more than 100 trailers",
        "trailers over the limit",
        "a chunked body over the limit",
        "a field over the limit",
        "a field name over the limit",
        "101 fields",
        "many short fields over the limit",
        "a request line over the limit",
        "a good request, then a head over the limit",
    ),
    "two credentials: whose request is it?": (
        "two Authorization",
        "two equal Authorization",
        "a good request, then two Authorization",
    ),
    "h11 leaves expectations to its user": ("an unknown expectation", "two expectations"),
    "h11 takes any token as method, also one that begins with the leftovers of a body": (
        "a request line with a lower-case method",
        "a request line with an unknown method",
        "a good request, then an unknown method",
        "a good request, then the rest of a body nobody announced",
        "a body one byte longer than announced",
        "a body after a GET without framing",
    ),
    _NO_ROUTING: (
        "a request line with a fragment in the target",
        "a request line with a relative target",
        "a request line with only a query as target",
        "a request line with an asterisk for GET",
        "a request line with an authority for GET",
        "a request line with an encoded NUL in the target",
        "a request line with dot segments over the root",
        "a request line with encoded dot segments over the root",
        "a request line with dot segments over the root of a URL",
        "a request line with an ftp URL",
        "a request line with a URL without host",
        "a request line with a URL with user and password",
        "a request line with a URL with a bad host",
        "a request line with CONNECT",
        "a request line with CONNECT and a path",
        "a request line with HTTP/2.0",
        "a request line with HTTP/1.2",
        "a request line with HTTP/0.9 spelled out",
        "a Host that is empty",
        "a Host that holds a space",
        "a Host that is a list",
        "a Host that holds a user",
        "a Host that holds a path",
        "a Host that holds a query",
        "a Host that holds a fragment",
        "a Host that holds a backslash",
        "a Host that is a URL",
        "a Host that has a port that is a word",
        "a Host that has a negative port",
        "a Host that has two ports",
        "a Host that has a port of six digits",
        "a Host that has only a port",
        "a Host that has an unclosed bracket",
        "a Host that has an unopened bracket",
        "a Host that has text after its bracket",
        "a Host that is IPv6 without brackets",
        "a Host that holds a byte over 127",
        "a Host that holds a quote",
        "a Host that holds markup",
        "a Host that holds a caret",
    ),
}

LAXER_THAN_H11: Final[Mapping[str, tuple[str, ...]]] = {
    "a server should ignore an empty line before a request (RFC 9112 §2.2)": (
        "an empty line first",
        "an empty line between requests",
    ),
}
