import shlex
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import msgspec
import pytest

from entresol.demo.calls import CALLS, KEY, curl_lines, make

OPENAI = b'{"choices":[{"message":{"content":"hello"}}]}'
STREAM = (
    b'data: {"choices":[{"delta":{"content":"hel"}}]}\n\n'
    b'data: {"choices":[{"delta":{"content":"lo"}}]}\n\ndata: [DONE]\n\n'
)
ANTHROPIC = b'{"content":[{"type":"text","text":"hello"}]}'
GEMINI = b'data: {"candidates":[{"content":{"parts":[{"text":"hel"},{"text":"lo"}]}}]}\n\n'


def served(status: int, content_type: str, body: bytes) -> tuple[HTTPServer, list[BaseHTTPRequestHandler]]:
    seen: list[BaseHTTPRequestHandler] = []

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            seen.append(self)
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("x-entresol-request-id", "abc")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    return HTTPServer(("127.0.0.1", 0), Answering), seen


@pytest.mark.parametrize(
    ("at", "content_type", "body"),
    [
        (0, "application/json", OPENAI),
        (1, "text/event-stream; charset=utf-8", STREAM),
        (2, "application/json", ANTHROPIC),
        (3, "application/json", OPENAI),
        (4, "text/event-stream", GEMINI),
    ],
)
def test_the_text_is_found_in_every_kind_of_answer(at: int, content_type: str, body: bytes) -> None:
    server, seen = served(200, content_type, body)
    thread = Thread(target=server.handle_request)
    thread.start()
    outcome = make(CALLS[at], f"http://127.0.0.1:{server.server_port}")
    thread.join()
    server.server_close()
    assert (outcome.status, outcome.answer, outcome.request_id) == (200, "hello", "abc")
    assert 0 < outcome.first_byte_ms <= outcome.total_ms
    assert KEY in (seen[0].headers[CALLS[at].key_header] or "")


def test_a_refusal_shows_its_message() -> None:
    server, _ = served(401, "application/json", b'{"message":"Unauthorized"}')
    thread = Thread(target=server.handle_request)
    thread.start()
    outcome = make(CALLS[0], f"http://127.0.0.1:{server.server_port}")
    thread.join()
    server.server_close()
    assert (outcome.status, outcome.answer) == (401, "Unauthorized")


def test_nobody_there_is_an_error() -> None:
    server, _ = served(200, "application/json", OPENAI)
    server.server_close()
    with pytest.raises(OSError, match="refused"):
        make(CALLS[0], f"http://127.0.0.1:{server.server_port}")


def test_the_curl_lines_can_be_pasted() -> None:
    lines = curl_lines("http://127.0.0.1:8000")
    assert len(lines) == 3
    for line, call in zip(lines, CALLS, strict=False):
        words = shlex.split(line)
        assert words[0] == "curl"
        assert f"http://127.0.0.1:8000{call.path}" in words
        assert msgspec.json.decode(words[-1]) == call.body
