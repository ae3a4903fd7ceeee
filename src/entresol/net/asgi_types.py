"""The three callables of the ASGI 3 specification, as both bridges use them.

Source: https://asgi.readthedocs.io/en/latest/specs/main.html
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
"""What a server knows about a connection: `type`, `method`, `raw_path`, `headers`, … ."""

Message = MutableMapping[str, Any]
"""One event, told apart by its `type`."""

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
