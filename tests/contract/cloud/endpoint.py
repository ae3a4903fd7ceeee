"""An HTTP server in a thread that a cloud's own library talks to. What it answers is a function."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The body of a form, which must say that it is one."""
        assert self.headers["content-type"].startswith("application/x-www-form-urlencoded")
        return dict(parse_qsl(self.body.decode(), strict_parsing=True))


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: dict[str, str] = {}


def json_answer(status: int, content: Any, **headers: str) -> Answer:
    return Answer(status, json.dumps(content).encode(), {"Content-Type": "application/json", **headers})


class Refused(Exception):
    """What a fake raises when a request is not what the real one takes."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class Endpoint:
    """A server while its context is open. `asked` has what came, in order."""

    def __init__(self, answer: Callable[[Asked], Answer], scheme: str, port: int) -> None:
        self.answer = answer
        self.url = f"{scheme}://127.0.0.1:{port}" if scheme == "http" else f"https://localhost:{port}"
        self.asked: list[Asked] = []

    @property
    def steps(self) -> list[str]:
        """Methods and paths that came."""
        return [f"{asked.method} {asked.path}" for asked in self.asked]


@contextmanager
def serving(answer: Callable[[Asked], Answer], tls: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(
                self.command,
                self.path,
                parts.path,
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                body,
            )
            endpoint.asked.append(asked)
            try:
                given = answer(asked)
            except Refused as refused:
                given = refused.answer
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(given.body)
            self.close_connection = True

        do_GET = do_POST = do_PUT = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on standard error."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    endpoint = Endpoint(answer, "http" if tls is None else "https", server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
