"""The authorization server with its pages on a port of this machine, in a thread of its own."""

import socket
import threading
import time
from types import TracebackType
from typing import Self

import uvicorn

from entresol.identity.oauth.settings import OAuthSettings
from unit.auth_server.house import House


class Site:
    """Serves a `House` by the real clock."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.house = House(settings=OAuthSettings(issuer=self.url, registration="open"))
        self.house.now = int(time.time())
        config = uvicorn.Config(self.house.app, lifespan="off", log_level="warning", ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        self._socket.close()
